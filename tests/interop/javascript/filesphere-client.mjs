// A FileSphere client in one file, written from docs/protocol/client.md and keys.md alone ("§" below: client.md).
//
//   import { Client } from './filesphere-client.mjs'
//   const fs = await Client.open('admin.profile')
//   const put = await fs.put('/a/b.txt', Buffer.from('hello'), { parents: true })   // put.version, put.receipt, ...
//   const { info, content } = await fs.get('/a/b.txt', { range: [0, 3] })
//   for await (const entry of fs.listAll('/a')) console.log(entry.name, entry.size)
//   await fs.close()
//
// A target is a path ('/a/b') or a file identifier (Buffer of 16). Options are the request's own fields (§7.1):
// { space, if: 3, bases: [version], parents: true, ... }. Answers are the maps of §7.2 with Buffers for binary; an
// integer that a double cannot hold is a BigInt, and both are taken. A refusal is a FileSphereError.
import { Decoder, Encoder } from '@msgpack/msgpack'
import { Dealer } from 'zeromq'
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export const TYPE = { HELLO: 1, WELCOME: 2, PING: 3, PONG: 4, OK: 5, ERROR: 6, PUT: 10, DATA: 11, COMMIT: 12, ABORT: 13,
  CREDIT: 14, RESUME: 15, GET: 20, STAT: 30, LIST: 31, VERSIONS: 32, CHANGES: 33, SPACES: 34, MKDIR: 40, DELETE: 41,
  MOVE: 42, COPY: 43, RESTORE: 44, NODE: 50 }
export const IF = { replace: 1, edit: 2, match: 3, 'none-match': 4, merge: 5 }
const BODY_MAX = 2097152, PAYLOAD_MAX = 262144, CREDIT_MAX = 8388608, DEPTH_MAX = 8, VALUES_MAX = 65536

export class FileSphereError extends Error {
  constructor({ code, symbol, text, retry = 0, ...more }) {
    super(`${symbol} (${code}): ${text ?? ''}`)
    Object.assign(this, { code, symbol, retry, ...more })
  }
}
const CODES = { invalid: 1001, 'too-large': 1002, 'bad-name': 1003, unsupported: 1005, protocol: 1008, 'no-credit': 1009,
  timeout: 4009, unreachable: 4011, 'unknown-key': 5001, damaged: 7001, cancelled: 8004 }
const RETRY = { timeout: 1, unreachable: 1 }
const fail = (symbol, text) => new FileSphereError({ code: CODES[symbol], symbol, text, retry: RETRY[symbol] ?? 0 })
const lost = (text) => Object.assign(fail('unreachable', text), { lost: true })

// -- octets: envelope and body (§3) ---------------------------------------------------------------------------

/** Checks a body's counts, lengths, depth, texts and keys against the octets that are there, before anything is unpacked. */
export function skim(octets) {
  let at = 0, values = 0
  const need = (n) => { if (octets.length - at < n) throw fail('invalid', 'body is cut'); at += n; return at - n }
  const size = (n) => octets.readUIntBE(need(n), n)
  const text = (n) => {
    const from = need(n)
    if (!isUtf8(octets.subarray(from, at))) throw fail('invalid', 'text is not UTF-8')
    return octets.toString('latin1', from, at)
  }
  const many = (n, depth, keys) => {
    if (depth > DEPTH_MAX) throw fail('invalid', 'nested too deep')
    const seen = new Set()
    for (let i = 0; i < n; i++) {
      if (keys) {
        const key = value(depth)
        if (depth === 1 && (key === undefined || seen.has(key))) throw fail('invalid', 'a key is no text or doubled')
        seen.add(key)
      }
      value(depth)
    }
  }
  const value = (depth) => { // gives texts back
    if (++values > VALUES_MAX) throw fail('too-large', 'too many values')
    const b = octets[need(1)]
    if (b <= 0x7f || b >= 0xe0) return
    if (b <= 0x8f) return many(b & 15, depth + 1, true)
    if (b <= 0x9f) return many(b & 15, depth + 1, false)
    if (b <= 0xbf) return text(b & 31)
    switch (b) {
      case 0xc0: case 0xc2: case 0xc3: return
      case 0xc4: case 0xc5: case 0xc6: need(size(1 << (b - 0xc4))); return
      case 0xc7: case 0xc8: case 0xc9: need(size(1 << (b - 0xc7)) + 1); return
      case 0xca: case 0xcb: need(4 << (b - 0xca)); return
      case 0xcc: case 0xcd: case 0xce: case 0xcf: need(1 << (b - 0xcc)); return
      case 0xd0: case 0xd1: case 0xd2: case 0xd3: need(1 << (b - 0xd0)); return
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: need((1 << (b - 0xd4)) + 1); return
      case 0xd9: case 0xda: case 0xdb: return text(size(1 << (b - 0xd9)))
      case 0xdc: case 0xdd: return many(size(2 << (b - 0xdc)), depth + 1, false)
      case 0xde: case 0xdf: return many(size(2 << (b - 0xde)), depth + 1, true)
      default: throw fail('invalid', 'not msgpack')
    }
  }
  if (octets.length === 0 || !((octets[0] & 0xf0) === 0x80 || octets[0] === 0xde || octets[0] === 0xdf)) throw fail('invalid', 'body is no map')
  value(0)
  if (at !== octets.length) throw fail('invalid', 'octets behind the body')
}

const raw = { tryToEncode: () => null, decode: (data, type) => ({ type, data }) } // ext values: kept, not understood
const encoder = new Encoder({ useBigInt64: true, extensionCodec: raw })
const decoder = new Decoder({ useBigInt64: true, extensionCodec: raw,
  mapKeyConverter: (key) => (key === '__proto__' ? '__proto__ ' : String(key)) })

/** Integers for the wire: the shortest form, whatever their JavaScript type. */
function toWire(value) {
  if (typeof value === 'bigint') return value >= -0x80000000n && value <= 0xffffffffn ? Number(value) : value
  if (Number.isSafeInteger(value) && (value > 0xffffffff || value < -0x80000000)) return BigInt(value)
  if (Array.isArray(value)) return value.map(toWire)
  if (value && Object.getPrototypeOf(value) === Object.prototype) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, toWire(v)]))
  return value
}
function fromWire(value) {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length)
  if (Array.isArray(value)) return value.map(fromWire)
  if (value && typeof value === 'object') for (const key of Object.keys(value)) value[key] = fromWire(value[key])
  return value
}
export const pack = (value) => Buffer.from(encoder.encode(toWire(value)))
export const unpack = (octets) => fromWire(decoder.decode(octets))
const isEmpty = (v) => v === undefined || v === null || v === false || v === 0 || v === 0n || v.length === 0

/** Frames of a message. `body`: a map, of which what is zero, empty or false is left out; of DATA the offset. */
export function encodeMessage(type, id, body = {}, payload) {
  let octets = Buffer.alloc(0)
  if (type === TYPE.DATA) { octets = Buffer.alloc(8); octets.writeBigUInt64BE(BigInt(body)) } else {
    const kept = Object.entries(body).filter(([, v]) => !isEmpty(v))
    if (kept.length) octets = pack(Object.fromEntries(kept))
  }
  const envelope = Buffer.from('FSP\x01\x01\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0', 'latin1')
  envelope.writeUInt16BE(type, 6)
  envelope.writeBigUInt64BE(BigInt(id), 8)
  envelope.writeUInt32BE(octets.length, 16)
  const frames = octets.length ? [envelope, octets] : [envelope]
  if (payload?.length) frames.push(payload)
  return frames
}

/** The reverse: { type, id (BigInt), body, offset (of DATA), payload }; throws what §3.2 says. */
export function decodeMessage([envelope, ...rest]) {
  if (envelope.length !== 20 || envelope.toString('latin1', 0, 3) !== 'FSP') throw fail('invalid', 'no envelope')
  if (envelope[3] !== 1) throw fail('unsupported', 'major version')
  if (envelope[5] !== 0) throw fail('invalid', 'flags')
  const length = envelope.readUInt32BE(16)
  if (length > BODY_MAX) throw fail('too-large', 'body')
  if (envelope[4] !== 1) throw fail('unsupported', 'service')
  const message = { type: envelope.readUInt16BE(6), id: envelope.readBigUInt64BE(8), body: {} }
  if (length) {
    const octets = rest.shift()
    if (octets?.length !== length) throw fail('invalid', 'length of the body')
    if (message.type === TYPE.DATA) {
      if (length !== 8) throw fail('invalid', 'offset')
      message.offset = Number(octets.readBigUInt64BE())
    } else { skim(octets); message.body = unpack(octets) }
  } else if (message.type === TYPE.DATA) throw fail('invalid', 'DATA without offset')
  if (rest.length > 1) throw fail('invalid', 'too many frames')
  if (rest.length) message.payload = rest[0]
  if (message.payload?.length > PAYLOAD_MAX) throw fail('too-large', 'payload')
  return message
}

export function checkName(name) {
  const length = typeof name === 'string' ? Buffer.byteLength(name) : 0
  if (length < 1 || length > 255 || name === '.' || name === '..' || /[\/\0]/.test(name)) throw fail('bad-name', JSON.stringify(name))
  return name
}
export function checkPath(path) {
  if (path === '/') return path
  if (typeof path !== 'string' || path[0] !== '/' || Buffer.byteLength(path) > 4096) throw fail('bad-name', JSON.stringify(path))
  const names = path.slice(1).split('/')
  if (names.length > 64) throw fail('bad-name', 'too many names')
  names.forEach(checkName)
  return path
}

// -- the client -----------------------------------------------------------------------------------------------

export function readProfile(path) {
  const profile = JSON.parse(readFileSync(path, 'utf8'))
  if (profile.format !== 1) throw fail('unsupported', 'format of the profile')
  return profile
}
const sha256 = (octets) => createHash('sha256').update(octets).digest()
const hexOf = (version) => (Buffer.isBuffer(version) ? version.toString('hex') : version)
const binOf = (version) => (Buffer.isBuffer(version) ? version : Buffer.from(version, 'hex'))

/** Content to upload: a Buffer, or { size, sha256?, read(offset, length) -> Buffer } that can be read again at any offset. */
const sourceOf = (content) => (content instanceof Uint8Array
  ? { size: content.length, sha256: sha256(content), read: (at, n) => content.subarray(at, at + n) } : content)

export class Client {
  /** options: timeout (ms without any sign about a request), attempts (sendings of one operation), pause (ms, grows),
   *  window (credit of downloads), name, trace(direction, message) for tests. */
  static async open(profile, options = {}) {
    const client = new Client(typeof profile === 'string' ? readProfile(profile) : profile, options)
    await client.#ready()
    return client
  }
  #socket; #opening; #tail = Promise.resolve(); #open = new Map(); #nextId = 1n; #endpoint = 0; #closed = false
  #sentAt = 0; #heardAt = 0; #timer; #known = new Map()
  constructor(profile, options) {
    this.profile = profile
    this.options = { timeout: 30000, attempts: 5, pause: 100, window: 4 << 20, name: 'filesphere-js/1.1', trace: () => {}, ...options }
  }
  close() { this.#closed = true; this.#drop(lost('closed')); return this.#tail }
  /** Breaks the connection as a failing network would; for tests. */
  breakConnection() { this.#drop(lost('broken by hand')) }

  // Connections and sessions (§4). One socket per connection: it does not reconnect by itself, so that no message ever
  // goes out on a connection that had no HELLO.
  async #ready() {
    if (this.#closed) throw fail('cancelled', 'client is closed')
    if (this.#socket && !this.#opening) return
    this.#opening ??= this.#connect().finally(() => { this.#opening = undefined })
    await this.#opening
  }
  async #connect() {
    const { profile } = this
    const socket = new Dealer({ curveServerKey: profile.server_key, curvePublicKey: profile.public_key, linger: 0,
      curveSecretKey: profile.secret_key, reconnectInterval: -1, maxMessageSize: 2162688, sendHighWaterMark: 0, receiveHighWaterMark: 0 })
    this.#socket = socket
    const dropIfMine = (error) => { if (this.#socket === socket) this.#drop(error) }
    socket.events.on('handshake:error:auth', () => dropIfMine(fail('unknown-key', 'the node does not know our key')))
    socket.events.on('disconnect', () => dropIfMine(lost('connection broke')))
    socket.events.on('close', () => dropIfMine(lost('cannot connect')))
    socket.connect(profile.endpoints[this.#endpoint++ % profile.endpoints.length])
    this.#receive(socket, dropIfMine)
    this.#heardAt = Date.now()
    const old = this.welcome
    const welcome = (await this.#exchange(TYPE.HELLO, { versions: [1], client: this.options.name, session: old?.session })).body
    if (welcome.mesh?.toString('hex') !== profile.mesh_id) { this.#drop(fail('unknown-key', 'another mesh')); throw fail('unknown-key', 'another mesh') }
    this.welcome = welcome
    this.#knows(welcome.space, welcome.change)
    for (const request of [...this.#open.values()].filter((r) => r.upload)) {
      if (welcome.resumed) { request.upload.resuming = true; this.#send(TYPE.RESUME, request.id) } else request.reject(lost('session is gone'))
    }
    clearInterval(this.#timer)
    this.#timer = setInterval(() => this.#beat(), Math.max(50, welcome.beat / 4)).unref()
  }
  async #receive(socket, dropIfMine) {
    try {
      for await (const frames of socket) {
        this.#heardAt = Date.now()
        const message = decodeMessage(frames)
        this.options.trace('in', message)
        this.#open.get(message.id)?.take(message) // ids that are not open: crossed what ended them
      }
    } catch (error) { dropIfMine(error instanceof FileSphereError ? error : lost(error.message)) }
  }
  /** The connection is dead: what was open ends without an answer, but uploads in parts wait for RESUME. */
  #drop(error) {
    this.#socket?.close()
    this.#socket = undefined
    clearInterval(this.#timer)
    let wait = false
    for (const request of [...this.#open.values()]) {
      if (request.upload && error.lost && !this.#closed) { request.upload.resuming = true; wait = true } else request.reject(error)
    }
    if (wait) this.#reconnect()
  }
  async #reconnect() {
    const until = Date.now() + this.welcome.grace
    for (let pause = this.options.pause; ; pause *= 2) {
      try { return await this.#ready() } catch (error) {
        const waiting = [...this.#open.values()].filter((r) => r.upload)
        if (!error.lost || Date.now() + pause > until) waiting.forEach((r) => r.reject(error))
        if (!error.lost || Date.now() + pause > until || !waiting.length) return
        await sleep(pause)
      }
    }
  }
  #beat() {
    const { beat } = this.welcome, now = Date.now()
    if (now - this.#sentAt >= beat) this.ping().catch(() => {})
    if (now - this.#heardAt > 3 * beat) this.#drop(lost('nothing heard'))
  }
  #send(type, id, body, payload) {
    const socket = this.#socket
    if (!socket) return Promise.resolve()
    this.#sentAt = Date.now()
    this.options.trace('out', { type, id, body, payload })
    const frames = encodeMessage(type, id, body, payload)
    this.#tail = this.#tail.then(() => socket.send(frames)).catch(() => {}) // one send at a time; a dead socket is told by its events
    return this.#tail
  }
  /** Opens a request: a promise of its one answer, with `id`. on(message) gets what is no answer (CREDIT, DATA). */
  #exchange(type, body, { payload, on, upload } = {}) {
    const request = { id: this.#nextId++, upload }
    const answer = new Promise((resolve, reject) => {
      const end = (settle) => (value) => {
        clearTimeout(request.timer)
        if (this.#open.delete(request.id)) settle(value)
        upload?.wake()
      }
      request.reject = end(reject)
      request.resolve = end(resolve)
    })
    const restart = () => {
      clearTimeout(request.timer)
      request.timer = setTimeout(() => request.reject(fail('timeout', 'no answer')), this.options.timeout)
    }
    request.take = (message) => {
      restart()
      if (message.type === TYPE.ERROR) request.reject(new FileSphereError(message.body))
      else if (type === TYPE.GET ? on(message, request) : message.type !== TYPE.CREDIT) request.resolve(message)
      else if (type !== TYPE.GET) on?.(message)
    }
    this.#open.set(request.id, request)
    restart()
    this.#send(type, request.id, body, payload)
    answer.id = request.id
    return answer
  }
  async #ask(type, body, more) { await this.#ready(); return this.#exchange(type, body, more) }
  #knows(space, change) { if (change > (this.#known.get(space) ?? 0)) this.#known.set(space, change) }
  #target(target, { space, ...options } = {}) {
    if (options.version) options.version = hexOf(options.version)
    if (options.bases) options.bases = options.bases.map(binOf)
    if (typeof options.if === 'string') options.if = IF[options.if]
    return { space, ...(target === undefined ? {} : typeof target === 'string' ? { path: target } : { file: target }), ...options }
  }

  // Asking (§6.3)
  async #query(type, body) {
    const answer = (await this.#ask(type, body)).body
    answer.items ??= [LIST, VERSIONS, CHANGES, SPACES].includes(type) ? [] : undefined
    if (type !== SPACES && type !== TYPE.NODE) this.#knows(body.space ?? this.welcome.space, answer.change)
    for (const it of answer.items ?? []) { if (type === LIST) checkName(it.name); for (const p of [it.path, type === CHANGES ? it.from : undefined]) if (p) checkPath(p) }
    return answer
  }
  async ping() { await this.#ask(TYPE.PING) }
  node() { return this.#query(TYPE.NODE, {}) }
  stat(target, options) { return this.#query(TYPE.STAT, this.#target(target, options)) }
  list(target, options) { return this.#query(LIST, this.#target(target, options)) }
  versions(target, options) { return this.#query(VERSIONS, this.#target(target, options)) }
  changes(options) { return this.#query(CHANGES, this.#target(undefined, options)) }
  spaces(options = {}) { return this.#query(SPACES, options) }
  async * #all(ask, options, key, item) {
    for (let page, at = options[key]; !page || page.more; ) {
      page = await ask({ ...options, [key]: at })
      for (const it of page.items) { yield it; at = it[item] }
    }
  }
  listAll(target, options = {}) { return this.#all((o) => this.list(target, o), options, 'after', 'name') }
  versionsAll(target, options = {}) { return this.#all((o) => this.versions(target, o), options, 'after_index', 'number') }
  changesAll(options = {}) { return this.#all((o) => this.changes(o), options, 'after_index', 'change') }

  // Changing: one op for all sendings (§6.1). Options op, since and attempt go on with an operation of an earlier process.
  async #change(body, sending) {
    const { op = randomBytes(16), since = this.#known.get(body.space ?? this.welcome?.space), attempt: first = 1 } = body
    for (let attempt = first; ; attempt++) {
      try {
        await this.#ready()
        const answer = (await sending({ ...body, op, since, attempt })).body
        this.#knows(answer.sp, answer.change)
        return { ...answer, op }
      } catch (error) {
        if (error.retry !== 1 || this.#closed || attempt - first + 1 >= this.options.attempts) throw error
        await sleep(this.options.pause * 2 ** (attempt - first))
      }
    }
  }
  #simple(type, body) { return this.#change(body, (b) => this.#exchange(type, b)) }
  mkdir(path, options) { return this.#simple(TYPE.MKDIR, this.#target(path, options)) }
  delete(target, options) { return this.#simple(TYPE.DELETE, this.#target(target, options)) }
  move(target, to, options) { return this.#simple(TYPE.MOVE, this.#target(target, { ...options, to })) }
  copy(target, to, options) { return this.#simple(TYPE.COPY, this.#target(target, { ...options, to })) }
  restore(target, version, options) { return this.#simple(TYPE.RESTORE, this.#target(target, { ...options, version })) }

  /** Upload (§5.1): whole where one frame holds it (unless inParts), else in parts. signal: an AbortSignal. */
  async put(target, content, { inParts, signal, ...options } = {}) {
    const source = sourceOf(content), body = { size: source.size, sha256: source.sha256, ...this.#target(target, options) }
    return this.#change(body, async (b) => {
      if (inParts || source.size > Math.min(this.welcome.frame, PAYLOAD_MAX)) return this.#upload(b, source, signal)
      const payload = source.size ? await source.read(0, source.size) : undefined
      return this.#exchange(TYPE.PUT, { ...b, end: true }, { payload })
    })
  }
  async #upload(body, source, signal) {
    let wake, at = 0, credit = 0, granted = false, committed = false, ended = false
    const upload = { resuming: false, wake: () => wake?.() }
    const answer = this.#exchange(TYPE.PUT, body, { upload, on: ({ body: { credit: more = 0, offset = 0 } }) => {
      if (upload.resuming) { at = offset; credit = more; committed = false; upload.resuming = false } else credit += more
      granted = true
      upload.wake()
    } })
    answer.catch(() => {}).finally(() => { ended = true; upload.wake() })
    const abort = () => this.#send(TYPE.ABORT, answer.id)
    signal?.addEventListener('abort', abort)
    while (!ended) {
      const woken = new Promise((resolve) => { wake = resolve })
      const mayGo = granted && !upload.resuming && !signal?.aborted
      if (mayGo && at < source.size && credit > 0) {
        const from = at, piece = await source.read(at, Math.min(this.welcome.frame, credit, source.size - at))
        if (upload.resuming || at !== from) continue // the connection broke while we read
        at += piece.length
        credit -= piece.length
        await this.#send(TYPE.DATA, answer.id, from, piece)
      } else if (mayGo && at >= source.size && !committed) {
        committed = true
        this.#send(TYPE.COMMIT, answer.id, { size: source.size, sha256: source.sha256 })
      } else if (!ended) await woken
    }
    signal?.removeEventListener('abort', abort)
    return answer
  }

  /** Download (§5.2): { info, content }. With sink(piece, offset) the content goes there, and credit follows its pace. A
   *  download that breaks goes on where it was. */
  async get(target, { sink, signal, range, window = this.options.window, ...options } = {}) {
    const pieces = [], digest = createHash('sha256'), body = this.#target(target, options)
    let info, at, taken = Promise.resolve()
    sink ??= (piece) => { pieces.push(piece) }
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#ready()
        const resumed = info && { version: hexOf(info.version), range: [at, info.to - 1] }
        let granted = window, used = 0, unused = 0
        const answer = this.#exchange(TYPE.GET, { ...body, range, ...resumed, credit: window }, { on: (message, request) => {
          if (message.type === TYPE.OK) {
            const { from = 0, to = 0 } = message.body
            info ??= { ...message.body, from, to }
            at ??= from
            if (from !== at || to !== info.to) return request.reject(fail('protocol', 'another range than asked for'))
            if (message.payload) used -= Math.max(0, at + message.payload.length < to ? 0 : message.payload.length) // whole: free
          } else if (message.type !== TYPE.DATA || !message.payload || message.offset !== at) return request.reject(fail('protocol', 'DATA does not follow'))
          const piece = message.payload ?? Buffer.alloc(0), offset = at
          at += piece.length
          used += piece.length
          if (at > info.to || used > granted) return request.reject(fail('no-credit', 'the node sent more than was granted'))
          taken = taken.then(async () => {
            if (piece.length) { digest.update(piece); await sink(piece, offset) }
            if ((unused += piece.length) >= window / 2 && offset + piece.length < info.to) {
              this.#send(TYPE.CREDIT, request.id, { credit: unused })
              granted += unused
              unused = 0
            }
          })
          taken.catch(request.reject)
          return at === info.to
        } })
        const abort = () => this.#send(TYPE.ABORT, answer.id)
        signal?.addEventListener('abort', abort)
        await answer.finally(() => signal?.removeEventListener('abort', abort))
        break
      } catch (error) {
        await taken
        if (error.retry !== 1 || this.#closed || attempt >= this.options.attempts) throw error
        await sleep(this.options.pause * 2 ** (attempt - 1))
      }
    }
    await taken
    if (info.from === 0 && info.to === (info.size ?? 0) && !digest.digest().equals(info.sha256)) throw fail('damaged', 'content does not match its digest')
    return { info, content: Buffer.concat(pieces) }
  }
}
const { LIST, VERSIONS, CHANGES, SPACES } = TYPE

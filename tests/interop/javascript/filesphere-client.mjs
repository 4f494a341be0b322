// SPDX-License-Identifier: MIT
// A FileSphere client, written from docs/protocol/client.md and keys.md alone ("§": a section of client.md).
//
//   import { Client } from './filesphere-client.mjs'
//   const fs = await Client.open('admin.profile')
//   const put = await fs.put('/a/b.txt', Buffer.from('hello'), { parents: true })   // put.version, put.receipt, ...
//   const { info, content } = await fs.get('/a/b.txt', { range: [0, 3] })
//   for await (const entry of fs.listAll('/a')) console.log(entry.name, entry.size)
//   fs.close()
//
// A target is a path ('/a/b') or a file identifier (Buffer of 16). Options are the request's own fields (§7.1):
// { space, if: 'match', bases: [version], parents: true, ... }. Answers are the maps of §7.2 with Buffers for binary;
// an integer that a double cannot hold is a BigInt, and both are taken. A refusal is a FileSphereError (code, symbol,
// retry, and the other fields of ERROR).
import { Dealer } from 'zeromq'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileSphereError, PAYLOAD_MAX, TYPE, checkReply, decodeMessage, encodeMessage, fail,
  parseProfile, readReceipt } from './filesphere-wire.mjs'

export { FileSphereError, TYPE }
export const IF = { replace: 1, edit: 2, match: 3, 'none-match': 4, merge: 5 }
const sha256 = (octets) => createHash('sha256').update(octets).digest()
const lost = (text) => Object.assign(fail('unreachable', text), { lost: true })
const toHex = (version) => (Buffer.isBuffer(version) ? version.toString('hex') : version)
const toBin = (version) => (Buffer.isBuffer(version) ? version : Buffer.from(version, 'hex'))

export const readProfile = (path) => parseProfile(readFileSync(path, 'utf8'))

/** Content to upload: a Buffer, or { size, sha256?, read(offset, length) -> Buffer } to be read again anywhere. */
const sourceOf = (content) => (content instanceof Uint8Array
  ? { size: content.length, sha256: sha256(content), read: (at, n) => content.subarray(at, at + n) } : content)

// -- one connection -------------------------------------------------------------------------------------------

/** One socket for one connection (§2): it never reconnects by itself, so nothing goes out before HELLO. */
class Connection {
  #socket; #tail = Promise.resolve()
  constructor(profile, endpoint, { onMessage, onEnd, trace }) {
    this.trace = trace
    this.alive = true
    this.sentAt = this.heardAt = Date.now()
    this.onEnd = onEnd
    this.#socket = new Dealer({ curveServerKey: profile.server_key, curvePublicKey: profile.public_key, linger: 0,
      curveSecretKey: profile.secret_key, reconnectInterval: -1, maxMessageSize: 2162688, sendHighWaterMark: 0,
      receiveHighWaterMark: 0 })
    this.#socket.events.on('handshake:error:auth', () => this.end(fail('unknown-key', 'the node refused our key')))
    this.#socket.events.on('disconnect', () => this.end(lost('the connection broke')))
    this.#socket.events.on('close', () => this.end(lost('cannot connect')))
    this.#socket.connect(endpoint)
    this.#receive(onMessage)
  }
  async #receive(onMessage) {
    try {
      for await (const frames of this.#socket) {
        this.heardAt = Date.now()
        const message = decodeMessage(frames)
        if (!this.alive) return
        this.trace('in', message)
        onMessage(message)
      }
    } catch (error) { this.end(error instanceof FileSphereError ? error : lost(error.message)) }
  }
  /** Sends after what was sent before; resolves when ZeroMQ took it. A dead socket is told by onEnd, not here. */
  send(type, id, body, payload) {
    if (!this.alive) return Promise.resolve()
    this.sentAt = Date.now()
    this.trace('out', { type, id, body, payload })
    const frames = encodeMessage(type, id, body, payload)
    this.#tail = this.#tail.then(() => this.#socket.send(frames)).catch(() => {})
    return this.#tail
  }
  end(error) {
    if (!this.alive) return
    this.alive = false
    this.#socket.close()
    this.onEnd(error)
  }
}

// -- the client -----------------------------------------------------------------------------------------------

export class Client {
  #connection; #opening; #open = new Map(); #nextId = 1n; #turn = 0; #closed = false; #timer; #known = new Map()

  /** options: timeout (ms without any sign about a request), attempts (sendings of one operation), pause (ms before the
   *  first repetition, then doubled), window (credit of downloads), name, trace(direction, message) for tests. */
  static async open(profile, options = {}) {
    const client = new Client(typeof profile === 'string' ? readProfile(profile) : profile, options)
    await client.#ready()
    return client
  }
  constructor(profile, options) {
    this.profile = profile
    this.options = { timeout: 30000, attempts: 6, pause: 50, window: 4 << 20, name: 'filesphere-js/1.1',
      trace: () => {}, ...options }
  }
  close() {
    this.#closed = true
    this.#connection?.end(fail('cancelled', 'the client was closed'))
  }
  /** Breaks the connection as a failing network would. */
  breakConnection() { this.#connection?.end(lost('broken by hand')) }

  // Sessions (§4): welcome is the last WELCOME; uploads in parts outlive their connection, all else ends with it.
  async #ready() {
    if (this.#closed) throw fail('cancelled', 'the client was closed')
    if (this.#connection?.alive && !this.#opening) return
    this.#opening ??= this.#connect().finally(() => { this.#opening = undefined })
    await this.#opening
  }
  async #connect() {
    const { profile, options } = this
    const endpoint = profile.endpoints[this.#turn++ % profile.endpoints.length]
    const connection = this.#connection = new Connection(profile, endpoint, { trace: options.trace,
      onMessage: (m) => this.#open.get(m.id)?.take(m), // an id that is not open: crossed what ended it
      onEnd: (error) => this.#ended(connection, error) })
    try {
      const session = this.welcome?.session
      const welcome = (await this.#exchange(TYPE.HELLO, { versions: [1], client: options.name, session })).body
      if (toHex(welcome.mesh) !== profile.mesh_id) throw fail('unknown-key', 'another mesh than in the profile')
      this.welcome = welcome
    } catch (error) {
      connection.end(error)
      throw error
    }
    const { welcome } = this
    this.#knows(welcome.space, welcome.change)
    for (const request of this.#uploads()) {
      if (welcome.resumed) connection.send(TYPE.RESUME, request.id)
      else request.reject(lost('the node has forgotten the session'))
    }
    this.#timer = setInterval(() => this.#beat(connection), Math.max(50, welcome.beat / 4)).unref()
  }
  #uploads() { return [...this.#open.values()].filter((request) => request.upload) }
  #ended(connection, error) {
    if (this.#connection !== connection) return
    clearInterval(this.#timer)
    const mayResume = error.lost && this.welcome?.session && !this.#closed
    for (const request of [...this.#open.values()]) {
      if (request.upload && mayResume) request.upload.resuming = true
      else request.reject(error)
    }
    if (mayResume && this.#uploads().length && !this.#opening) this.#reconnect()
  }
  async #reconnect() {
    const until = Date.now() + this.welcome.grace
    for (let pause = this.options.pause; this.#uploads().length; pause *= 2) {
      try { return await this.#ready() } catch (error) {
        const isOver = !error.lost || Date.now() + pause > until
        if (isOver) return this.#uploads().forEach((request) => request.reject(error))
      }
      await sleep(pause)
    }
  }
  #beat(connection) {
    const { beat } = this.welcome, now = Date.now()
    if (now - connection.sentAt >= beat) this.ping().catch(() => {})
    if (now - connection.heardAt > 3 * beat) connection.end(lost('nothing was heard'))
  }

  // Requests (§4.1). #exchange opens one: a promise of its answer, with the request's `id`. on(message, request) gets
  // the CREDIT of a PUT, and OK and DATA of a GET until it returns true; `upload` marks what RESUME can take up.
  #exchange(type, body, { payload, on, upload } = {}) {
    const request = { id: this.#nextId++, upload }
    const answer = new Promise((resolve, reject) => {
      const ending = (settle) => (value) => {
        clearTimeout(request.timer)
        if (this.#open.delete(request.id)) settle(value)
      }
      request.resolve = ending(resolve)
      request.reject = ending(reject)
    })
    const startTimer = () => {
      clearTimeout(request.timer)
      request.timer = setTimeout(() => request.reject(fail('timeout', 'no answer')), this.options.timeout)
    }
    request.take = (message) => {
      startTimer()
      try {
        checkReply(type, message.body)
        if (message.type === TYPE.ERROR) request.reject(new FileSphereError(message.body))
        else if (type === TYPE.GET ? on(message, request) : message.type !== TYPE.CREDIT) request.resolve(message)
        else if (type === TYPE.PUT) on?.(message, request)
      } catch (error) { request.reject(error) }
    }
    this.#open.set(request.id, request)
    startTimer()
    this.#connection.send(type, request.id, body, payload)
    return Object.assign(answer, { id: request.id })
  }
  #knows(space, change = 0) { if (change > (this.#known.get(space) ?? 0)) this.#known.set(space, change) }
  #fields(target, { version, bases, if: condition, ...options } = {}) {
    if (typeof target === 'string') options.path = target
    else if (target) options.file = target
    if (version) options.version = toHex(version)
    if (bases) options.bases = bases.map(toBin)
    if (condition) options.if = IF[condition] ?? condition
    return options
  }

  // Asking (§6.3). One page: { items, more, change }; the ...All variants ask on until there is no more.
  async #query(type, body) {
    await this.#ready()
    const answer = (await this.#exchange(type, body)).body
    if ([TYPE.LIST, TYPE.VERSIONS, TYPE.CHANGES, TYPE.SPACES].includes(type)) answer.items ??= []
    if (type !== TYPE.SPACES && type !== TYPE.NODE) this.#knows(body.space ?? this.welcome.space, answer.change)
    return answer
  }
  async ping() {
    await this.#ready()
    await this.#exchange(TYPE.PING, {})
  }
  node() { return this.#query(TYPE.NODE, {}) }
  stat(target, options) { return this.#query(TYPE.STAT, this.#fields(target, options)) }
  list(target, options) { return this.#query(TYPE.LIST, this.#fields(target, options)) }
  versions(target, options) { return this.#query(TYPE.VERSIONS, this.#fields(target, options)) }
  changes(options) { return this.#query(TYPE.CHANGES, this.#fields(undefined, options)) }
  spaces(options) { return this.#query(TYPE.SPACES, this.#fields(undefined, options)) }
  async * #all(ask, options, cursor, key) {
    for (let page, after = options[cursor]; !page || page.more; after = page.items.at(-1)[key]) {
      page = await ask({ ...options, [cursor]: after })
      yield* page.items
      if (!page.items.length) return
    }
  }
  listAll(target, options = {}) { return this.#all((o) => this.list(target, o), options, 'after', 'name') }
  versionsAll(target, options = {}) {
    return this.#all((o) => this.versions(target, o), options, 'after_index', 'number')
  }
  changesAll(options = {}) { return this.#all((o) => this.changes(o), options, 'after_index', 'change') }

  // Changing: one op and since for all sendings (§6.1). With the options op, since and attempt an operation of an
  // earlier process is taken up. The answer has `op` beside the node's fields.
  async #change(body, sending) {
    await this.#ready()
    const { op = randomBytes(16), since = this.#known.get(body.space ?? this.welcome.space), attempt: first = 1 } = body
    for (let attempt = first; ; attempt++) {
      try {
        await this.#ready()
        const answer = (await sending({ ...body, op, since, attempt })).body
        this.#knows(answer.sp, answer.change)
        return { ...answer, op }
      } catch (error) {
        const mayTry = (error.retry === 1 || error.isAgain) && !this.#closed
        if (!mayTry || attempt - first + 1 >= this.options.attempts) throw Object.assign(error, { op })
        await sleep(this.options.pause * 2 ** (attempt - first))
      }
    }
  }
  #simple(type, target, options) {
    return this.#change(this.#fields(target, options), (body) => this.#exchange(type, body))
  }
  mkdir(path, options) { return this.#simple(TYPE.MKDIR, path, options) }
  delete(target, options) { return this.#simple(TYPE.DELETE, target, options) }
  move(target, to, options) { return this.#simple(TYPE.MOVE, target, { ...options, to }) }
  copy(target, to, options) { return this.#simple(TYPE.COPY, target, { ...options, to }) }
  restore(target, version, options) { return this.#simple(TYPE.RESTORE, target, { ...options, version }) }

  /** Upload (§5.1): whole where one frame holds it (unless inParts), else in parts. signal: an AbortSignal. */
  put(target, content, { inParts, signal, ...options } = {}) {
    const source = sourceOf(content)
    const { size, sha256 } = source
    return this.#change({ size, sha256, ...this.#fields(target, options) }, async (body) => {
      if (inParts || source.size > Math.min(this.welcome.frame, PAYLOAD_MAX)) return this.#upload(body, source, signal)
      const payload = source.size ? await source.read(0, source.size) : undefined
      return this.#exchange(TYPE.PUT, { ...body, end: true }, { payload })
    })
  }
  async #upload(body, source, signal) {
    let wake = () => {}, at = 0, credit = 0, ended = false
    let isGranted = false, isCommitted = false, isRecommitted = false
    const upload = { resuming: false }
    const abort = () => this.#connection.send(TYPE.ABORT, answer.id)
    const answer = this.#exchange(TYPE.PUT, body, { upload, on: ({ body: { credit: more = 0, offset } }) => {
      if (offset !== undefined) { // the answer to RESUME (§4.4); whether a COMMIT came it does not say: COMMIT again
        isRecommitted = isCommitted
        ;[at, credit, isCommitted] = [offset, more, false]
      } else if (upload.resuming && isGranted) return // was under way when the connection broke
      else credit += more
      upload.resuming = false
      isGranted = true
      wake()
    } })
    // RESUME may find nothing, and a second COMMIT may be one too many. The operation has not failed: begin anew.
    answer.catch((error) => {
      error.isAgain = error.symbol === 'gone' || (error.symbol === 'protocol' && isRecommitted)
    }).finally(() => { ended = true; wake() })
    signal?.addEventListener('abort', abort)
    while (!ended) {
      const woken = new Promise((resolve) => { wake = resolve })
      const mayGo = isGranted && !upload.resuming && !signal?.aborted
      if (mayGo && at < source.size && credit > 0) {
        const connection = this.#connection, from = at
        const piece = await source.read(from, Math.min(this.welcome.frame, credit, source.size - from))
        if (connection !== this.#connection || upload.resuming || ended) continue // it broke while we read
        at += piece.length
        credit -= piece.length
        await connection.send(TYPE.DATA, answer.id, from, piece)
      } else if (mayGo && at >= source.size && !isCommitted) {
        isCommitted = true
        this.#connection.send(TYPE.COMMIT, answer.id, { size: source.size, sha256: source.sha256 })
      } else await woken
    }
    signal?.removeEventListener('abort', abort)
    return answer
  }

  /** Download (§5.2): { info, content }, content checked against its digest. With sink(piece, offset) the content goes
   *  there instead, and credit follows its pace. A download that breaks goes on where it was. */
  async get(target, { sink, signal, range, window = this.options.window, ...options } = {}) {
    const body = this.#fields(target, options), pieces = [], digest = createHash('sha256')
    let info, at, taken = Promise.resolve()
    sink ??= (piece) => { pieces.push(piece) }
    const receive = () => {
      const resumed = info && { version: toHex(info.version), range: [at, info.to - 1] }
      let left = window, unrenewed = 0, granting = this.#connection
      const grant = (request, used) => {
        if ((unrenewed += used) < window / 2) return
        granting.send(TYPE.CREDIT, request.id, { credit: unrenewed })
        left += unrenewed
        unrenewed = 0
      }
      return this.#exchange(TYPE.GET, { ...body, range, ...resumed, credit: window }, { on: (message, request) => {
        const piece = message.payload ?? Buffer.alloc(0)
        if (message.type === TYPE.OK) {
          const { from = 0, to = 0 } = message.body
          info ??= { size: 0, ...message.body, from, to }
          at ??= from
          if (from !== at || to !== info.to) throw fail('protocol', 'another range than asked for')
        } else if (message.type !== TYPE.DATA || message.offset !== at) throw fail('protocol', 'DATA does not follow')
        const offset = at, isFree = message.type === TYPE.OK && at + piece.length === info.to
        at += piece.length
        if (!isFree) left -= piece.length
        if (at > info.to || left < 0) throw fail('no-credit', 'the node sent more than was granted')
        taken = taken.then(() => { digest.update(piece); return piece.length ? sink(piece, offset) : undefined })
          .then(() => { if (at < info.to && !isFree) grant(request, piece.length) })
        taken.catch(request.reject)
        return at === info.to
      } })
    }
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#ready()
        const answer = receive(), abort = () => this.#connection.send(TYPE.ABORT, answer.id)
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
    const isWhole = info.from === 0 && info.to === info.size
    if (isWhole && !digest.digest().equals(info.sha256)) throw fail('damaged', 'the content is not what it was')
    return { info, content: Buffer.concat(pieces) }
  }

  /** Verifies the receipt of a put with the node key of the profile and compares it with the answer it came with. */
  verifyReceipt(answer) {
    const receipt = readReceipt(answer.receipt, this.profile.node_key)
    const { version, content_root, sha256, change } = receipt
    const isSame = version.equals(answer.version) && content_root.equals(answer.root) && sha256.equals(answer.sha256)
    if (!isSame || change !== answer.change) throw fail('damaged', 'the receipt speaks of something else')
    return receipt
  }
}

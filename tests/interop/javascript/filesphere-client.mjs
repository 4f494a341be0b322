// SPDX-License-Identifier: MIT
// A FileSphere client, written from docs/protocol/client.md and keys.md alone ("§": a section of client.md).
//
//   const fs = await Client.open('admin.profile')
//   const put = await fs.put('/a/b.txt', Buffer.from('hello'), { parents: true })   // put.version, put.receipt, ...
//   const { info, content } = await fs.get('/a/b.txt', { range: [0, 3] })
//   for await (const entry of fs.listAll('/a')) console.log(entry.name, entry.size)
//
// A target is a path ('/a/b') or a file identifier (Buffer of 16); options are the request's own fields (§7.1), answers
// the maps of §7.2. Binary is Buffer; an integer that a double cannot hold is a BigInt, and both are taken.
import { Dealer } from 'zeromq'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileSphereError, PAYLOAD_MAX, TYPE, checkNames, decodeMessage, encodeMessage, fail, parseProfile,
  readReceipt } from './filesphere-wire.mjs'

export { FileSphereError, TYPE }
export const IF = { replace: 1, edit: 2, match: 3, 'none-match': 4, merge: 5 }
export const readProfile = (path) => parseProfile(readFileSync(path, 'utf8'))
const sha256 = (octets) => createHash('sha256').update(octets).digest()
const lost = (text) => Object.assign(fail('unreachable', text), { lost: true })
const toHex = (version) => (Buffer.isBuffer(version) ? version.toString('hex') : version)
const toBin = (version) => (Buffer.isBuffer(version) ? version : Buffer.from(version, 'hex'))

/** One socket for one connection (§2): it never reconnects by itself, so nothing goes out before HELLO. */
class Connection {
  alive = true; sentAt = Date.now(); heardAt = Date.now(); #socket; #tail = Promise.resolve()
  constructor(profile, endpoint, handlers) { // onMessage, onEnd, trace
    Object.assign(this, handlers)
    this.#socket = new Dealer({ curveServerKey: profile.server_key, curvePublicKey: profile.public_key, linger: 0,
      curveSecretKey: profile.secret_key, reconnectInterval: -1, maxMessageSize: 2162688, sendHighWaterMark: 0,
      receiveHighWaterMark: 0 })
    this.#socket.events.on('handshake:error:auth', () => this.end(fail('unknown-key', 'the node refused our key')))
    this.#socket.events.on('disconnect', () => this.end(lost('the connection broke')))
    this.#socket.events.on('close', () => this.end(lost('cannot connect')))
    this.#socket.connect(endpoint)
    this.#receive().catch((error) => this.end(error instanceof FileSphereError ? error : lost(error.message)))
  }
  async #receive() {
    for await (const frames of this.#socket) {
      this.heardAt = Date.now()
      const message = decodeMessage(frames)
      if (!this.alive) return
      this.trace('in', message)
      this.onMessage(message)
    }
  }
  /** Sends after what was sent before; resolves when ZeroMQ took it. A dead socket is told by onEnd, not here. */
  send(type, id, body, payload) {
    if (!this.alive) return this.#tail
    this.sentAt = Date.now()
    this.trace('out', { type, id, body, payload })
    const frames = encodeMessage(type, id, body, payload)
    return (this.#tail = this.#tail.then(() => this.#socket.send(frames)).catch(() => {}))
  }
  end(error) {
    if (!this.alive) return
    this.alive = false
    this.#socket.close()
    this.onEnd(error)
  }
}

export class Client {
  #connection; #opening; #open = new Map(); #nextId = 1n; #turn = 0; #closed = false; #timer; #known = new Map()

  /** options: timeout (ms without any sign about a request), attempts (sendings of one operation), pause (ms before the
   *  first repetition, then doubled), window (credit of downloads), name, trace(direction, message) for tests. */
  static async open(profile, options) {
    const client = new Client(typeof profile === 'string' ? readProfile(profile) : profile, options)
    await client.#ready()
    return client
  }
  constructor(profile, options) {
    const defaults = { timeout: 30000, attempts: 6, pause: 50, window: 4 << 20, name: 'filesphere-js/1.1', trace() {} }
    Object.assign(this, { profile, options: { ...defaults, ...options } })
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
    await (this.#opening ??= this.#connect().finally(() => { this.#opening = undefined }))
  }
  async #connect() {
    const { endpoints, mesh_id } = this.profile, { name: client, trace } = this.options
    const connection = new Connection(this.profile, endpoints[this.#turn++ % endpoints.length], { trace,
      onMessage: (m) => this.#open.get(m.id)?.take(m), // an id that is not open: crossed what ended it
      onEnd: (error) => this.#ended(connection, error) })
    this.#connection = connection
    try {
      const hello = { versions: [1], client, session: this.welcome?.session }
      const welcome = (await this.#exchange(TYPE.HELLO, hello)).body
      if (toHex(welcome.mesh) !== mesh_id) throw fail('unknown-key', 'another mesh than in the profile')
      this.welcome = welcome
    } catch (error) {
      connection.end(error)
      throw error
    }
    const { space, change, resumed, beat } = this.welcome
    this.#knows(space, change)
    for (const request of this.#uploads()) {
      if (resumed) connection.send(TYPE.RESUME, request.id)
      else request.reject(lost('the node has forgotten the session'))
    }
    this.#timer = setInterval(() => {
      if (Date.now() - connection.sentAt >= beat) this.ping().catch(() => {})
      if (Date.now() - connection.heardAt > 3 * beat) connection.end(lost('nothing was heard'))
    }, Math.max(50, beat / 4)).unref()
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
    if (!mayResume || this.#opening || !this.#uploads().length) return
    const giveUp = (error) => this.#uploads().forEach((request) => request.reject(error))
    this.#repeat(() => {}, { until: Date.now() + this.welcome.grace }).catch(giveUp)
  }

  // Requests (§4.1). #exchange opens one: a promise of its answer, with the request's `id`. on(message, request) gets
  // the CREDIT of a PUT, and OK and DATA of a GET until it returns true; `upload` marks what RESUME can take up.
  #exchange(type, body, { payload, on, upload, signal } = {}) {
    const request = { id: this.#nextId++, upload }, { id } = request
    const answer = new Promise((resolve, reject) => Object.assign(request, { resolve, reject })).finally(() => {
      clearTimeout(request.timer)
      signal?.removeEventListener('abort', abort)
      this.#open.delete(id)
    })
    const abort = () => this.#connection.send(TYPE.ABORT, id)
    signal?.addEventListener('abort', abort)
    request.timer = setTimeout(() => request.reject(fail('timeout', 'no answer')), this.options.timeout)
    request.take = (message) => {
      request.timer.refresh()
      try {
        checkNames(type, message.body)
        if (message.type === TYPE.ERROR) request.reject(new FileSphereError(message.body))
        else if (type === TYPE.GET ? on(message, request) : message.type !== TYPE.CREDIT) request.resolve(message)
        else if (type === TYPE.PUT) on?.(message, request)
      } catch (error) { request.reject(error) }
    }
    this.#open.set(id, request)
    this.#connection.send(type, id, body, payload)
    return Object.assign(answer, { id })
  }
  /** Runs now, and again after growing pauses while it fails by what may pass (retry 1). */
  async #repeat(run, { first = 1, until } = {}) {
    for (let attempt = first, pause = this.options.pause; ; attempt++, pause *= 2) {
      try {
        await this.#ready()
        return await run(attempt)
      } catch (error) {
        const isOver = until ? Date.now() + pause > until : attempt - first + 1 >= this.options.attempts
        if (error.retry !== 1 || this.#closed || isOver) throw error
        await sleep(pause)
      }
    }
  }
  #knows(space, change = 0) { if (change > (this.#known.get(space) ?? 0)) this.#known.set(space, change) }
  #fields(target, { version, bases, if: condition, ...options } = {}) {
    return { ...options, [typeof target === 'string' ? 'path' : 'file']: target, version: version && toHex(version),
      bases: bases?.map(toBin), if: IF[condition] ?? condition }
  }

  // Asking (§6.3). Of a list one page: { items, more, change }; the ...All variants ask on until there is no more.
  async #ask(type, target, options) {
    await this.#ready()
    const body = this.#fields(target, options), answer = (await this.#exchange(TYPE[type], body)).body
    if (['LIST', 'VERSIONS', 'CHANGES', 'SPACES'].includes(type)) answer.items ??= []
    this.#knows(body.space ?? this.welcome.space, answer.change)
    return answer
  }
  ping() { return this.#ask('PING') }
  node() { return this.#ask('NODE') }
  stat(target, options) { return this.#ask('STAT', target, options) }
  list(target, options) { return this.#ask('LIST', target, options) }
  versions(target, options) { return this.#ask('VERSIONS', target, options) }
  changes(options) { return this.#ask('CHANGES', undefined, options) }
  spaces(options) { return this.#ask('SPACES', undefined, options) }
  async * #all(type, target, options, cursor, key) {
    for (let more = true, after = options?.[cursor], items; more && items?.length !== 0; after = items.at(-1)?.[key]) {
      ({ items, more } = await this.#ask(type, target, { ...options, [cursor]: after }))
      yield* items
    }
  }
  listAll(target, options) { return this.#all('LIST', target, options, 'after', 'name') }
  versionsAll(target, options) { return this.#all('VERSIONS', target, options, 'after_index', 'number') }
  changesAll(options) { return this.#all('CHANGES', undefined, options, 'after_index', 'change') }

  // Changing: one op and since for all sendings (§6.1). With the options op, since and attempt an operation of an
  // earlier process is taken up. The answer has `op` beside the node's fields.
  async #change(type, target, options, send = (body) => this.#exchange(TYPE[type], body)) {
    await this.#ready()
    const body = this.#fields(target, options)
    const { op = randomBytes(16), since = this.#known.get(body.space ?? this.welcome.space), attempt: first } = body
    try {
      const answer = (await this.#repeat((attempt) => send({ ...body, op, since, attempt }), { first })).body
      this.#knows(answer.sp, answer.change)
      return { ...answer, op }
    } catch (error) { throw Object.assign(error, { op }) }
  }
  mkdir(path, options) { return this.#change('MKDIR', path, options) }
  delete(target, options) { return this.#change('DELETE', target, options) }
  move(target, to, options) { return this.#change('MOVE', target, { ...options, to }) }
  copy(target, to, options) { return this.#change('COPY', target, { ...options, to }) }
  restore(target, version, options) { return this.#change('RESTORE', target, { ...options, version }) }

  /** Upload (§5.1): whole where one frame holds it (unless inParts), else in parts. content: a Buffer, or
   *  { size, sha256?, read(offset, length) -> Buffer }, read again where it must be. signal: an AbortSignal. */
  put(target, content, { inParts, signal, ...options } = {}) {
    const source = content instanceof Uint8Array ? { size: content.length, sha256: sha256(content),
      read: (at, n) => content.subarray(at, at + n) } : content
    const { size } = source
    return this.#change('PUT', target, { size, sha256: source.sha256, ...options }, async (body) => {
      if (inParts || size > Math.min(this.welcome.frame, PAYLOAD_MAX)) return this.#upload(body, source, signal)
      const payload = size ? await source.read(0, size) : undefined
      return this.#exchange(TYPE.PUT, { ...body, end: true }, { payload })
    })
  }
  async #upload(body, source, signal) {
    let wake, at = 0, credit = 0, ended = false, isGranted = false, isCommitted = false, isRecommitted = false
    const upload = { resuming: false }, { size, sha256 } = source
    const answer = this.#exchange(TYPE.PUT, body, { upload, signal, on: ({ body: { credit: more = 0, offset } }) => {
      if (offset !== undefined) { // the answer to RESUME (§4.4); whether a COMMIT came it does not say: COMMIT again
        isRecommitted = isCommitted
        ;[at, credit, isCommitted] = [offset, more, false]
      } else if (upload.resuming && isGranted) return // was under way when the connection broke
      else credit += more
      upload.resuming = false
      isGranted = true
      wake?.()
    } })
    // RESUME may find nothing, and a second COMMIT may be one too many. The operation has not failed: begin anew.
    answer.catch((error) => {
      if (error.symbol === 'gone' || (error.symbol === 'protocol' && isRecommitted)) error.retry = 1
    }).finally(() => { ended = true; wake?.() })
    while (!ended) {
      const woken = new Promise((resolve) => { wake = resolve }), connection = this.#connection, from = at
      const mayGo = isGranted && !upload.resuming && !signal?.aborted
      if (mayGo && at < size && credit > 0) {
        const piece = await source.read(from, Math.min(this.welcome.frame, credit, size - from))
        if (connection !== this.#connection || upload.resuming || ended) continue // it broke while we read
        at += piece.length
        credit -= piece.length
        await connection.send(TYPE.DATA, answer.id, from, piece)
      } else if (mayGo && at >= size && !isCommitted) {
        isCommitted = true
        connection.send(TYPE.COMMIT, answer.id, { size, sha256 })
      } else await woken
    }
    return answer
  }

  /** Download (§5.2): { info, content }, content checked against its digest. With sink(piece, offset) the content goes
   *  there instead, and credit follows its pace. A download that breaks goes on where it was. */
  async get(target, { sink, signal, range, window = this.options.window, ...options } = {}) {
    const pieces = [], digest = createHash('sha256')
    let info, at, taken = Promise.resolve()
    sink ??= (piece) => { pieces.push(piece) }
    const receive = () => {
      const resumed = info && { version: info.version, range: [at, info.to - 1] }
      const request = this.#fields(target, { range, ...options, ...resumed, credit: window })
      const connection = this.#connection
      let left = window, unrenewed = 0
      const on = ({ type, body, offset = at, payload: piece = Buffer.alloc(0) }, { id, reject }) => {
        if (type === TYPE.OK) {
          info ??= { size: 0, from: 0, to: 0, ...body }
          offset = at ??= info.from
          const { from = 0, to = 0 } = body
          if (from !== at || to !== info.to) throw fail('protocol', 'another range than asked for')
        } else if (type !== TYPE.DATA || offset !== at) throw fail('protocol', 'DATA does not follow')
        at += piece.length
        const cost = type === TYPE.OK && at === info.to ? 0 : piece.length // what lies whole beside OK is free
        left -= cost
        if (at > info.to || left < 0) throw fail('no-credit', 'the node sent more than was granted')
        taken = taken.then(async () => {
          digest.update(piece)
          if (piece.length) await sink(piece, offset)
          unrenewed += cost
          if (at === info.to || unrenewed < window / 2) return
          connection.send(TYPE.CREDIT, id, { credit: unrenewed })
          left += unrenewed
          unrenewed = 0
        })
        taken.catch(reject)
        return at === info.to
      }
      return this.#exchange(TYPE.GET, request, { on, signal })
    }
    await this.#repeat(() => taken.then(receive)) // the sink first: then it is known what is left to ask for
    await taken
    const isWhole = info.from === 0 && info.to === info.size
    if (isWhole && !digest.digest().equals(info.sha256)) throw fail('damaged', 'the content is not what it was')
    return { info, content: Buffer.concat(pieces) }
  }

  /** Verifies the receipt of a put with the node key of the profile and compares it with the answer it came with. */
  verifyReceipt({ receipt, version, root, sha256, change }) {
    const said = readReceipt(receipt, this.profile.node_key)
    const isSame = said.version.equals(version) && said.content_root.equals(root) && said.sha256.equals(sha256)
    if (!isSame || said.change !== change) throw fail('damaged', 'the receipt speaks of something else')
    return said
  }
}

// SPDX-License-Identifier: MIT
// Runs filesphere-client.mjs against a real node: FSP_BIN is the folder of filesphered, ROOT/build/asan/bin if unset.
// Prints `ok NAME` and `not ok NAME` lines. Ports 19400 to 19499 on loopback.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as zmq from 'zeromq'
import { Client, FileSphereError, TYPE, readProfile } from './filesphere-client.mjs'
import { decodeMessage, encodeMessage, readReceipt } from './filesphere-wire.mjs'
import { NAME, OURS, SYMBOL, vector } from './vectors.mjs'

const ROOT = process.env.FSP_ROOT ?? new URL('../../..', import.meta.url).pathname
const BIN = process.env.FSP_BIN ?? join(ROOT, 'build/asan/bin')
const temp = mkdtempSync(join(tmpdir(), 'fsp-js-'))
const sha256 = (octets) => createHash('sha256').update(octets).digest()
let good = 0, bad = 0

async function test(name, run) {
  try {
    await run()
    good++
    console.log(`ok ${name}`)
  } catch (error) {
    bad++
    console.log(`not ok ${name}`)
    console.log('    ' + String(error.stack ?? error).slice(0, 2500).replaceAll('\n', '\n    '))
  }
}
const refuses = (symbol, promise) => assert.rejects(promise, (error) => {
  assert.ok(error instanceof FileSphereError, error)
  assert.equal(error.symbol, symbol, error.message)
  return true
})
async function until(what, condition) {
  for (const end = Date.now() + 20000; !(await condition()); await sleep(10)) assert.ok(Date.now() < end, `in vain: ${what}`)
}
async function all(items) {
  const list = []
  for await (const item of items) list.push(item)
  return list
}

// -- a node, and a proxy before it that can fail as networks do -----------------------------------------------

async function freePort() {
  for (let i = 0, at = Math.floor(Math.random() * 100); i < 100; i++) {
    const port = 19400 + (at + i) % 100
    const server = net.createServer()
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
  throw new Error('no free port')
}

const node = {
  process: undefined, errors: '',
  async start() {
    this.port ??= await freePort()
    let output = ''
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', '--', join(BIN, 'filesphered'), '--data', join(temp, 'node'),
      '--listen', `tcp://127.0.0.1:${this.port}`], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.process.stdout.on('data', (data) => { output += data })
    this.process.stderr.on('data', (data) => { this.errors += data })
    await until('node starts', () => {
      if (this.process.exitCode !== null) throw new Error(`node ended: ${this.errors}`)
      return output.includes('listens on')
    })
  },
  async end(signal) {
    const child = this.process
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return ended
  },
}

class Proxy {
  #pairs = new Set()
  held = false // answers do not pass
  async start() {
    this.port = await freePort()
    this.server = net.createServer((client) => {
      const server = net.connect(node.port, '127.0.0.1')
      const pair = [client, server]
      this.#pairs.add(pair)
      const end = () => { pair.forEach((socket) => socket.destroy()); this.#pairs.delete(pair) }
      for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true)
      client.pipe(server)
      server.on('data', (data) => { if (!this.held) client.write(data) })
    })
    await new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve))
    return this
  }
  cut() {
    for (const pair of this.#pairs) pair.forEach((socket) => socket.destroy())
    this.held = false
  }
  stop() { this.cut(); this.server.close() }
}

/** Octets on the wire for what the client would never send. */
class Raw {
  constructor(profile) {
    this.socket = new zmq.Dealer({ curveServerKey: profile.server_key, curvePublicKey: profile.public_key, linger: 0,
      curveSecretKey: profile.secret_key, reconnectInterval: -1, receiveTimeout: 10000 })
    this.socket.connect(profile.endpoints[0])
  }
  async receive() { return decodeMessage(await this.socket.receive()) }
  send(type, id, body, payload) { return this.socket.send(encodeMessage(type, id, body, payload)) }
  async ask(...message) { await this.send(...message); return this.receive() }
}

/** Watches messages: per transfer what was granted and what came, and that the second never exceeds the first. */
class Ledger {
  granted = new Map(); used = new Map(); names = []; worst = 0; first = new Map(); broken = []
  trace = (direction, { type, id, body = {}, payload, offset }) => {
    const add = (map, n) => map.set(id, (map.get(id) ?? 0) + n)
    this.names.push(`${direction} ${NAME[type]}`)
    if (type === TYPE.GET || type === TYPE.CREDIT) {
      if (body.offset !== undefined) { this.granted.set(id, 0); this.used.set(id, 0) } // the answer to RESUME
      add(this.granted, body.credit ?? 0)
      if (direction === 'out') this.worst = Math.max(this.worst, this.granted.get(id) - (this.used.get(id) ?? 0))
    }
    if (type === TYPE.DATA) {
      add(this.used, payload.length)
      const at = direction === 'out' ? body : offset
      const last = this.first.get(id) ?? []
      this.first.set(id, [...last, at])
      if (this.used.get(id) > (this.granted.get(id) ?? 0)) this.broken.push(`${direction} ${id}: ${this.used.get(id)}`)
    }
  }
}

// -- vectors --------------------------------------------------------------------------------------------------

async function vectors() {
  const folder = join(ROOT, 'tests/vectors')
  for (const file of ['envelope', 'client', 'canon', 'records', 'rows', 'receipt', 'profile']) {
    if (!existsSync(join(folder, `${file}.json`))) continue
    await test(`vectors ${file}`, () => {
      let count = 0
      for (const entry of JSON.parse(readFileSync(join(folder, `${file}.json`)))) {
        try {
          if (!entry.refused) count += vector(entry)
          else if (OURS.test(entry.kind)) {
            count++
            assert.throws(() => vector(entry), { symbol: SYMBOL(entry.refused) })
          }
        } catch (error) { throw new Error(`${entry.name}: ${error.message}`, { cause: error }) }
      }
      assert.ok(count > 0, 'no entry')
    })
  }
}

// -- the client against a node --------------------------------------------------------------------------------

const BIG = `/sizes/${9 << 20}`
const SIZES = [0, 1, 4096, 4097, 262144, 262145, (1 << 20) + 1, 9 << 20]

async function run() {
  await vectors()
  await node.start()
  const profile = readProfile(join(temp, 'node/admin.profile'))
  const ledger = new Ledger()
  const fs = await Client.open(profile, { trace: ledger.trace })
  const contents = new Map(SIZES.map((size) => [size, randomBytes(size)]))

  await test('profile: another mesh, another client key, another node key, nobody there', async () => {
    await refuses('unknown-key', Client.open({ ...profile, mesh_id: '00'.repeat(32) }))
    const { publicKey, secretKey } = zmq.curveKeyPair()
    await refuses('unknown-key', Client.open({ ...profile, public_key: publicKey, secret_key: secretKey }))
    await refuses('unreachable', Client.open({ ...profile, endpoints: [`tcp://127.0.0.1:${await freePort()}`] }))
  })
  await test('WELCOME, PING, NODE, SPACES', async () => {
    assert.equal(fs.welcome.v, 1)
    assert.equal(fs.welcome.frame, 262144)
    assert.equal(fs.welcome.session.length, 16)
    assert.equal(fs.welcome.node.toString('hex'), sha256(Buffer.from(profile.node_key, 'hex')).toString('hex'))
    await fs.ping()
    const state = await fs.node()
    assert.deepEqual([state.node, state.mesh, state.disk.state, state.sync], [fs.welcome.node, fs.welcome.mesh, 'ok', true])
    const { items } = await fs.spaces()
    assert.deepEqual(items.map((s) => s.name), [profile.space])
  })
  for (const size of SIZES) {
    await test(`content of ${size} octets, put whole or in parts, comes back`, async () => {
      const content = contents.get(size)
      for (const inParts of size > 262144 ? [true] : [false, true]) {
        const path = `/sizes/${size}${inParts && size <= 262144 ? '-parts' : ''}`
        const attr = [0o640, -5n, 999999999]
        const put = await fs.put(path, content, { inParts, parents: true, attr, media: 'a/b', message: 'm' })
        const { info, content: back } = await fs.get(path)
        assert.ok(back.equals(content))
        assert.deepEqual([info.size, info.sha256, info.version], [size, sha256(content), put.version])
        const stat = await fs.stat(path)
        assert.deepEqual([stat.attr, stat.message, stat.root], [[0o640, -5, 999999999], 'm', put.root])
        assert.deepEqual(stat.heads, [put.version])
        assert.equal(fs.verifyReceipt(put).change, put.change)
      }
    })
  }
  await test('ranges', async () => {
    const big = 9 << 20, content = contents.get(big)
    for (const [first, last] of [[0, 0], [1, 262143], [262143, 262145], [1000, 3000000], [big - 1, big - 1],
      [big - 5, 2n ** 63n], [0, big - 1]]) {
      const { content: piece, info } = await fs.get(BIG, { range: [first, last], window: 300000 })
      const to = Math.min(Number(last) + 1, big)
      assert.deepEqual([info.from, info.to], [first, to])
      assert.ok(piece.equals(content.subarray(first, to)), `${first} to ${last}`)
    }
    await refuses('bad-range', fs.get(BIG, { range: [big, big] }))
    await refuses('bad-range', fs.get('/sizes/0', { range: [0, 0] }))
    await refuses('bad-range', fs.get('/sizes/1', { range: [1, 0] }))
  })
  await test('download to a slow sink, with little credit', async () => {
    const digest = createHash('sha256')
    let most = 0, busy = 0
    await fs.get(BIG, { window: 600000, sink: async (piece) => {
      most = Math.max(most, ++busy)
      await sleep(1)
      digest.update(piece)
      busy--
    } })
    assert.equal(most, 1)
    assert.deepEqual(digest.digest(), sha256(contents.get(9 << 20)))
  })
  await test('ABORT of a download and of an upload', async () => {
    const get = new AbortController()
    await refuses('cancelled', fs.get(BIG, { window: 300000, signal: get.signal, sink: () => get.abort() }))
    const put = new AbortController(), content = contents.get(9 << 20)
    const source = { size: content.length, read: (at, n) => {
      if (at > 3 << 20) put.abort()
      return content.subarray(at, at + n)
    } }
    await refuses('cancelled', fs.put('/aborted', source, { signal: put.signal }))
    await refuses('not-found', fs.stat('/aborted'))
  })
  await test('credit was never exceeded, nor the bound of what is outstanding', () => {
    assert.deepEqual(ledger.broken, [])
    assert.ok(ledger.worst > 0 && ledger.worst <= 8388608, String(ledger.worst))
  })
  await test('content that is not what was said', async () => {
    const source = (more) => ({ size: 3, sha256: sha256('abc'), read: () => Buffer.from('abd'), ...more })
    await refuses('damaged', fs.put('/wrong', source()))
    await refuses('damaged', fs.put('/wrong', source(), { inParts: true }))
    await refuses('invalid', fs.put('/wrong', source({ size: 4 })))
    await refuses('not-found', fs.stat('/wrong'))
  })
  await test('conditions: replace, match, none-match, edit, merge', async () => {
    const a = await fs.put('/c', Buffer.from('a'), { if: 'none-match' })
    await refuses('exists', fs.put('/c', Buffer.from('b'), { if: 'none-match' }))
    const b = await fs.put('/c', Buffer.from('b'), { if: 'match', bases: [a.version] })
    const error = await fs.put('/c', Buffer.from('x'), { if: 'match', bases: [a.version] }).catch((e) => e)
    assert.deepEqual([error.symbol, error.retry, error.heads], ['mismatch', 2, [b.version]])
    const sibling = await fs.put('/c', Buffer.from('s'), { if: 'edit', bases: [a.version] })
    assert.equal(sibling.heads.length, 2)
    const merged = await fs.put('/c', Buffer.from('m'), { if: 'merge', bases: sibling.heads })
    assert.deepEqual(merged.heads, [merged.version])
    await fs.put('/c', Buffer.from('r'))
    const list = await all(fs.versionsAll('/c', { limit: 2 }))
    assert.deepEqual(list.map((v) => [v.number, v.how, v.parents?.length ?? 0]),
      [[5, 1, 1], [4, 4, 2], [3, 1, 1], [2, 1, 1], [1, 1, 0]])
    assert.equal((await fs.get('/c', { version: a.version })).content.toString(), 'a')
    assert.equal((await fs.get('/c', { version: b.version.toString('hex').slice(0, 16) })).content.toString(), 'b')
    await refuses('no-such-version', fs.get('/c', { version: '00'.repeat(32) }))
    const old = await fs.restore('/c', a.version)
    assert.equal((await fs.get('/c')).content.toString(), 'a')
    assert.equal(old.number, 6)
  })
  await test('directories: MKDIR, LIST with pages and prefix, MOVE, COPY, DELETE', async () => {
    await fs.mkdir('/d/e', { parents: true })
    await refuses('exists', fs.mkdir('/d'))
    await fs.mkdir('/d', { exist_ok: true })
    const names = ['A', 'a', 'ab', 'b', 'ä', '𝄞']
    for (const name of names) await fs.put(`/d/e/${name}`, Buffer.from(name))
    assert.deepEqual((await all(fs.listAll('/d/e', { limit: 2 }))).map((e) => e.name), names)
    assert.deepEqual((await fs.list('/d/e', { prefix: 'a' })).items.map((e) => e.name), ['a', 'ab'])
    const file = (await fs.stat('/d/e/a')).file
    await fs.move('/d/e', '/d/f')
    assert.equal((await fs.stat(file)).path, '/d/f/a')
    await fs.copy(file, '/copies/a', { parents: true })
    assert.equal((await fs.get('/copies/a')).content.toString(), 'a')
    await refuses('exists', fs.copy(file, '/copies/a'))
    await fs.copy('/d/f/b', '/copies/a', { replace: true })
    assert.equal((await fs.get('/copies/a')).content.toString(), 'b')
    await refuses('cycle', fs.move('/d', '/d/f/g'))
    await refuses('not-empty', fs.delete('/d'))
    await fs.delete('/d', { recursive: true })
    await refuses('not-found', fs.stat('/d/f/a'))
    const trashed = await fs.stat(file)
    assert.equal(trashed.path, undefined)
    await fs.move(file, '/back')
    assert.equal((await fs.get('/back')).content.toString(), 'a')
    await fs.put('/link', Buffer.from('../x'), { kind: 3 })
    assert.deepEqual([(await fs.stat('/link')).kind, (await fs.get('/link')).content.toString()], [3, '../x'])
    const far = await fs.put('/far', Buffer.from('x'), { attr: [0, 2n ** 61n, 0] })
    assert.deepEqual((await fs.stat(far.file)).attr, [0, 2n ** 61n, 0])
  })
  await test('refusals', async () => {
    await refuses('not-found', fs.get('/none'))
    await refuses('no-parent', fs.put('/none/x', Buffer.from('x')))
    await refuses('not-directory', fs.put('/back/x', Buffer.from('x')))
    await refuses('is-directory', fs.get('/copies'))
    await refuses('no-such-space', fs.stat('/', { space: 'other' }))
    await refuses('bad-name', fs.stat('/a/../b'))
    const raw = new Raw(profile)
    const symbolOf = async (...message) => (await raw.ask(...message)).body.symbol
    assert.equal(await symbolOf(TYPE.STAT, 5, { path: '/' }), 'protocol') // before HELLO
    assert.equal(await symbolOf(TYPE.HELLO, 6, { versions: [77] }), 'unsupported')
    assert.equal((await raw.ask(TYPE.HELLO, 7, { versions: [1, 9] })).type, TYPE.WELCOME)
    assert.equal(await symbolOf(TYPE.STAT, 8, { path: 'a' }), 'bad-name')
    assert.equal(await symbolOf(TYPE.STAT, 9, {}), 'invalid')
    assert.equal(await symbolOf(TYPE.LIST, 10, { path: '/', limit: 1001 }), 'invalid')
    assert.equal(await symbolOf(TYPE.LIST, 11, { path: '/', if: 1 }), 'invalid')
    assert.equal(await symbolOf(TYPE.MKDIR, 12, { path: '/m', attempt: 1 }), 'invalid')
    assert.equal(await symbolOf(TYPE.GET, 13, { path: BIG, credit: 8388609 }), 'too-large')
    assert.equal(await symbolOf(77, 14, {}), 'unsupported')
    assert.equal((await raw.ask(TYPE.STAT, 15, { path: '/', unknown: [{ a: 1.5 }] })).type, TYPE.OK)
    assert.equal((await raw.ask(TYPE.PUT, 16, { path: '/gap', op: randomBytes(16), attempt: 1 })).type, TYPE.CREDIT)
    assert.equal(await symbolOf(TYPE.DATA, 16, 1, Buffer.from('x')), 'protocol')
    assert.equal(await symbolOf(TYPE.RESUME, 99, {}), 'gone')
    raw.socket.close()
  })
  await test('the same op again: the same answer, one effect; another request under it: op-reused', async () => {
    const op = randomBytes(16), content = Buffer.from('once'), since = fs.welcome.change
    const withoutReceipt = ({ receipt, ...put }) => put // that is issued anew
    const first = await fs.put('/once', content, { op, since })
    await fs.put('/once', Buffer.from('twice'))
    for (const more of [{ attempt: 2 }, { attempt: 3, inParts: true }]) {
      const again = await fs.put('/once', content, { op, since, ...more })
      assert.deepEqual(withoutReceipt(again), withoutReceipt(first))
      assert.equal(fs.verifyReceipt(again).change, first.change)
    }
    assert.equal((await fs.versions('/once')).items.length, 2)
    await refuses('op-reused', fs.put('/once', Buffer.from('other'), { op, since, attempt: 4 }))
    await refuses('op-reused', fs.mkdir('/other', { op, since, attempt: 4 }))
    for (const run of [(o) => fs.mkdir('/m1', o), (o) => fs.copy('/once', '/m1/c', o),
      (o) => fs.move('/m1/c', '/m1/d', o), (o) => fs.restore('/once', first.version, o), (o) => fs.delete('/m1/d', o)]) {
      const o = { op: randomBytes(16), since: first.change }
      assert.deepEqual(await run({ ...o, attempt: 2 }), await run(o))
    }
  })
  await test('the receipt is refused after a flipped bit, and from another node', async () => {
    const put = await fs.put('/receipt', Buffer.from('r'))
    assert.equal(fs.verifyReceipt(put).w, 1)
    for (let at = 0; at < put.receipt.length; at += 3) {
      const flipped = Buffer.from(put.receipt)
      flipped[at] ^= 4
      assert.throws(() => fs.verifyReceipt({ ...put, receipt: flipped }), FileSphereError, `octet ${at}`)
    }
    assert.throws(() => readReceipt(put.receipt, '11'.repeat(32)), { symbol: 'unknown-key' })
    assert.throws(() => fs.verifyReceipt({ ...put, version: randomBytes(32) }), { symbol: 'damaged' })
  })

  // failing networks
  const proxy = await new Proxy().start()
  const opened = async (more) => {
    const book = new Ledger()
    const options = { trace: book.trace, ...more?.(book) }
    const client = await Client.open({ ...profile, endpoints: [`tcp://127.0.0.1:${proxy.port}`] }, options)
    return { book, client }
  }
  const big = contents.get(9 << 20)
  await test('an upload whose connection is cut in the middle goes on where it was', async () => {
    const { client, book } = await opened()
    let cuts = 0
    const source = { size: big.length, sha256: sha256(big), read: async (at, n) => {
      if (at > (cuts + 1) * (2 << 20) && cuts < 3) { cuts++; await sleep(100); proxy.cut() }
      return big.subarray(at, at + n)
    } }
    const session = client.welcome.session
    const put = await client.put('/cut', source)
    assert.equal(cuts, 3)
    assert.deepEqual(client.welcome.session, session)
    assert.equal(book.names.filter((n) => n === 'out PUT').length, 1)
    assert.equal(book.names.filter((n) => n === 'out RESUME').length, 3)
    assert.equal([...book.first.values()].flat().filter((at) => at === 0).length, 1)
    assert.deepEqual(book.broken, [])
    assert.ok((await fs.get('/cut')).content.equals(big))
    assert.equal((await fs.versions('/cut')).items.length, 1)
    assert.equal(client.verifyReceipt(put).change, put.change)
    client.close()
  })
  await test('an upload whose answer is lost gets it after RESUME', async () => {
    const { client, book } = await opened((b) => ({ trace: (direction, message) => {
      b.trace(direction, message)
      if (direction === 'out' && message.type === TYPE.COMMIT) proxy.held = true
    } }))
    const putting = client.put('/lost', big)
    await until('the file is there', () => fs.stat('/lost').then(() => true, () => false))
    proxy.cut()
    const put = await putting
    assert.equal(book.names.filter((n) => n === 'out PUT').length, 1)
    assert.equal(book.names.filter((n) => n === 'out RESUME').length, 1)
    assert.deepEqual((await fs.versions('/lost')).items.map((v) => v.version), [put.version])
    client.close()
  })
  await test('a connection cut right at COMMIT: one version, whatever was lost', async () => {
    for (const delay of [0, 1, 3, 10]) {
      const { client } = await opened((b) => ({ trace: (direction, message) => {
        if (direction === 'out' && message.type === TYPE.COMMIT && !b.done) b.done = setTimeout(() => proxy.cut(), delay)
      } }))
      const path = `/commit-${delay}`, put = await client.put(path, contents.get((1 << 20) + 1))
      assert.deepEqual((await fs.versions(path)).items.map((v) => v.version), [put.version])
      client.close()
    }
  })
  await test('requests whose answer is lost are sent again and take effect once', async () => {
    const { client, book } = await opened()
    for (const [path, change] of [['/again/d', () => client.mkdir('/again/d', { parents: true })],
      ['/again/f', () => client.put('/again/f', Buffer.from('f'))],
      ['/again/g', () => client.move('/again/f', '/again/g')]]) {
      const before = book.names.length
      proxy.held = true
      const changing = change()
      await until('the change is there', () => fs.stat(path).then(() => true, () => false))
      proxy.cut()
      await changing
      assert.equal(book.names.slice(before).filter((n) => /^out (MKDIR|PUT|MOVE)$/.test(n)).length, 2)
    }
    const rows = (await all(fs.changesAll())).filter((c) => c.path?.startsWith('/again'))
    assert.deepEqual(rows.map((c) => c.what), [4, 2, 5])
    client.close()
  })
  await test('a download that is cut goes on by range', async () => {
    const { client, book } = await opened()
    const pieces = []
    const sink = (piece) => { if (pieces.push(piece) % 12 === 0) proxy.cut() }
    await client.get(BIG, { window: 1 << 20, sink })
    assert.ok(Buffer.concat(pieces).equals(big))
    assert.ok(book.names.filter((n) => n === 'out GET').length >= 3)
    assert.deepEqual(book.broken, [])
    client.close()
  })
  await test('kill -9 in the middle of an upload: it begins anew and is there once', async () => {
    const { client, book } = await opened(() => ({ attempts: 12 }))
    let killed = false
    const source = { size: big.length, sha256: sha256(big), read: async (at, n) => {
      if (at > 4 << 20 && !killed) { killed = true; await node.end('SIGKILL'); await node.start() }
      return big.subarray(at, at + n)
    } }
    await client.put('/killed', source)
    assert.equal(book.names.filter((n) => n === 'out PUT').length, 2)
    assert.ok((await fs.get('/killed')).content.equals(big))
    assert.equal((await fs.versions('/killed')).items.length, 1)
    client.close()
  })
  proxy.stop()

  await test('the feed is complete and a chain', async () => {
    const rows = await all(fs.changesAll({ limit: 7 })), one = (await fs.changes()).items
    assert.deepEqual(rows, one)
    assert.deepEqual(rows.map((c) => c.change), rows.map((_, i) => i + 1))
    for (let i = 1; i < rows.length; i++) assert.deepEqual(rows[i].previous, rows[i - 1].hash)
    for (const size of SIZES) assert.equal(rows.filter((c) => c.path === `/sizes/${size}` && c.what === 2).length, 1)
    assert.equal(rows.at(-1).change, (await fs.stat('/')).change)
    assert.ok(rows.some((c) => c.what === 5 && c.from === '/d/e' && c.path === '/d/f'))
  })
  fs.close()
  await test('the node stops cleanly, without a word of a sanitizer', async () => {
    assert.equal(await node.end('SIGTERM'), 0)
    assert.doesNotMatch(node.errors, /Sanitizer|runtime error/)
  })
}

async function finish() {
  await node.end('SIGKILL')
  rmSync(temp, { recursive: true, force: true })
  console.log(`# ${good} ok, ${bad} not ok, ${(performance.now() / 1000).toFixed(1)} s`)
  process.exit(bad || !good ? 1 : 0)
}
const stop = async (why) => {
  bad++
  console.log(`not ok ran to its end: ${why}`)
  if (node.errors) console.log('    ' + node.errors.slice(-2000).replaceAll('\n', '\n    '))
  await finish()
}
setTimeout(() => stop('time is up'), 100000).unref()
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop(signal))
process.on('unhandledRejection', (error) => stop(error.stack))
await run().catch((error) => stop(error.stack))
await finish()

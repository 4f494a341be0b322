// SPDX-License-Identifier: MIT
// What only the golden vectors need, not a client: every field of every message with its bound ("§": client.md), as a
// node checks requests; canonical msgpack; and writing again what was read. vector() reads and writes one entry.
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { FileSphereError, TYPE, decodeEnvelope, decodeMessage, encodeMessage, fail, pack, parseProfile,
  readReceipt } from './filesphere-wire.mjs'

const NEWER = { NEWS: 16, WATCH: 35, LOCK: 45, RENEW: 46, UNLOCK: 47, UNDELETE: 48, PRUNE: 49, PURGE: 51, BATCH: 52,
  SPACE_CREATE: 53, SPACE_REMOVE: 54, OFFER: 17, WANT: 18, ATTR: 55, SPACE_SET: 56, COLLECT: 57, KEY_ADD: 58, KEY_LIST: 59,
  KEY_REMOVE: 60 } // minor versions 2 and 3, which the client does not speak
export const NAME = Object.fromEntries(Object.entries({ ...TYPE, ...NEWER }).map(([name, type]) => [type, name]))
const sha256 = (octets) => createHash('sha256').update(octets).digest()

const DEPTH_MAX = 8, VALUES_MAX = 65536

/** Reads one value. Every count, length and depth is checked before anything is allocated by it; a key that is listed
 *  must not occur twice. Extensions, which no field is, become a symbol. */
export function readStrict(octets, isListed = (key) => LISTED.has(key), valuesMax = VALUES_MAX) {
  let at = 0, values = 0
  const take = (n) => {
    if (octets.length - at < n) throw fail('invalid', 'cut')
    return octets.subarray(at, at += n)
  }
  const safe = (n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)
  const uint = (n) => (n < 8 ? take(n).readUIntBE(0, n) : safe(take(n).readBigUInt64BE()))
  const int = (n) => (n < 8 ? take(n).readIntBE(0, n) : safe(take(n).readBigInt64BE()))
  const extension = (n) => Symbol(take(n + 1)[0])
  const text = (n) => {
    const part = take(n)
    if (!isUtf8(part)) throw fail('invalid', 'text is not UTF-8')
    return part.toString()
  }
  const many = (n, depth, each) => {
    if (n > valuesMax || depth > DEPTH_MAX) throw fail('too-large', 'too many values, or too deep')
    if (n > octets.length - at) throw fail('invalid', 'cut')
    return Array.from({ length: n }, each)
  }
  const array = (n, depth, isKnown) => many(n, depth, () => value(depth, isKnown))
  const map = (n, depth, isKnown) => {
    const seen = new Set()
    return Object.fromEntries(many(n, depth, () => {
      const key = value(depth, false)
      const isKept = isKnown && isListed(key) // what is not listed is ignored, whatever it is
      if (depth === 1 && typeof key !== 'string') throw fail('invalid', 'a key is no text')
      if (isKept && seen.has(key)) throw fail('invalid', 'a key occurs twice')
      seen.add(key)
      return [key, value(depth, isKept)]
    }))
  }
  const value = (depth, isKnown) => {
    if (++values > valuesMax) throw fail('too-large', 'too many values')
    const b = take(1)[0]
    if (b <= 0x7f) return b
    if (b <= 0x8f) return map(b & 15, depth + 1, isKnown)
    if (b <= 0x9f) return array(b & 15, depth + 1, isKnown)
    if (b <= 0xbf) return text(b & 31)
    if (b === 0xc1) throw fail('invalid', 'not msgpack')
    if (b <= 0xc3) return b === 0xc0 ? null : b === 0xc3
    if (b <= 0xc6) return Buffer.from(take(uint(1 << (b - 0xc4))))
    if (b <= 0xc9) return extension(uint(1 << (b - 0xc7)))
    if (b <= 0xcb) return b === 0xca ? take(4).readFloatBE() : take(8).readDoubleBE()
    if (b <= 0xcf) return uint(1 << (b - 0xcc))
    if (b <= 0xd3) return int(1 << (b - 0xd0))
    if (b <= 0xd8) return extension(1 << (b - 0xd4))
    if (b <= 0xdb) return text(uint(1 << (b - 0xd9)))
    if (b <= 0xdd) return array(uint(2 << (b - 0xdc)), depth + 1, isKnown)
    if (b <= 0xdf) return map(uint(2 << (b - 0xde)), depth + 1, isKnown)
    return b - 0x100
  }
  const whole = value(0, true)
  if (at !== octets.length) throw fail('invalid', 'octets behind the value')
  return whole
}

/** Canonical msgpack (keys.md): nil, bool, unsigned integers, bin, text and arrays, each in its one shortest form. */
export function unpackCanonical(octets) {
  const value = readStrict(octets, () => true, Infinity) // the octets at hand bound it
  const allowed = (v) => v === null || typeof v === 'boolean' || typeof v === 'string' || Buffer.isBuffer(v) ||
    (typeof v === 'bigint' ? v >= 0n : Number.isSafeInteger(v) && v >= 0) || (Array.isArray(v) && v.every(allowed))
  if (!allowed(value) || !pack(value).equals(octets)) throw fail('invalid', 'not canonical')
  return value
}

export function encodeEnvelope(service, type, id, bodyBytes) {
  const octets = Buffer.from('FSP\x01'.padEnd(20, '\0'), 'latin1')
  octets[4] = service
  octets.writeUInt16BE(type, 6)
  octets.writeBigUInt64BE(BigInt(id), 8)
  octets.writeUInt32BE(bodyBytes, 16)
  return octets
}

// -- fields (§7) ----------------------------------------------------------------------------------------------

const isEmpty = (v) => v === undefined || v === null || v === false || v === 0 || v === 0n || v.length === 0
const U32 = 2 ** 32 - 1, U64 = 2n ** 64n - 1n, SIZE = 2n ** 63n - 1n
const uint = (max) => (v) => {
  if (!(typeof v === 'bigint' || Number.isSafeInteger(v)) || v < 0 || v > max) throw fail('invalid', 'number')
}
const bool = (v) => { if (typeof v !== 'boolean') throw fail('invalid', 'bool') }
const text = (max) => (v) => {
  if (typeof v !== 'string') throw fail('invalid', 'text')
  if (Buffer.byteLength(v) > max) throw fail('too-large', 'text')
}
const bin = (exact, max = exact) => (v) => {
  if (!Buffer.isBuffer(v)) throw fail('invalid', 'bin')
  if (v.length > max) throw fail('too-large', 'bin')
  if (exact && v.length !== exact) throw fail('invalid', 'bin')
}
const array = (max, each) => (v) => {
  if (!Array.isArray(v)) throw fail('invalid', 'array')
  if (v.length > max) throw fail('too-large', 'array')
  v.forEach((e) => each(e))
}
export function checkName(name) {
  text(255)(name)
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) throw fail('bad-name', JSON.stringify(name))
}
export function checkPath(path) {
  text(4096)(path)
  const names = path.slice(1).split('/')
  if (path[0] !== '/' || names.length > 64) throw fail('bad-name', JSON.stringify(path))
  if (path !== '/') names.forEach(checkName)
}
const space = (v) => {
  text(63)(v)
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(v)) throw fail('bad-name', 'space')
}
const hex = (v) => {
  text(64)(v)
  if (!/^[0-9a-fA-F]{8,64}$/.test(v)) throw fail('invalid', 'hex')
}
const range = (v) => {
  array(2, uint(U64))(v)
  if (v.length !== 2) throw fail('invalid', 'range')
  if (v[0] > v[1]) throw fail('bad-range', 'first is behind last')
}
const tuple = (count, max) => (v) => {
  array(count, uint(max))(v)
  if (v.length !== count) throw fail('invalid', 'numbers')
}
const attr = (v) => {
  if (!Array.isArray(v) || v.length !== 3) throw fail('invalid', 'attr')
  uint(0o7777)(v[0])
  const isInteger = typeof v[1] === 'bigint' || Number.isSafeInteger(v[1])
  if (!isInteger || v[1] < -(2n ** 62n) || v[1] >= 2n ** 62n) throw fail('invalid', 'mtime')
  uint(999999999)(v[2])
}
const map = (fields) => (v) => checkMap(fields, v)
function checkMap(fields, v) {
  if (!v || typeof v !== 'object' || Array.isArray(v) || Buffer.isBuffer(v)) throw fail('invalid', 'map')
  for (const [key, check] of Object.entries(fields)) if (v[key] !== undefined) check(v[key])
}

const LEASE = 'LOCK RENEW UNLOCK', ON_SPACE = 'BATCH SPACE_CREATE SPACE_REMOVE SPACE_SET', AT = 'GET STAT LIST'
const CHANGING = `PUT MKDIR DELETE MOVE COPY RESTORE ${LEASE} UNDELETE PRUNE PURGE ATTR ${ON_SPACE}`
const CONDITION = 'PUT DELETE MOVE COPY RESTORE ATTR'
const ON_FILE = `PUT GET STAT LIST VERSIONS DELETE MOVE COPY RESTORE ${LEASE} UNDELETE PRUNE ATTR`
const REQUEST = { // key: [check, requests, must be listed ("!"), required in]
  space: [space, `GET STAT LIST VERSIONS CHANGES WATCH COLLECT ${CHANGING}`, true,
    'SPACE_CREATE SPACE_REMOVE SPACE_SET'],
  path: [checkPath, `MKDIR PURGE ${ON_FILE}`, true, 'MKDIR'],
  file: [bin(16), `PURGE ${ON_FILE}`, true], to: [checkPath, 'MOVE COPY UNDELETE', true, 'MOVE COPY'],
  version: [hex, 'GET STAT COPY RESTORE PRUNE', true, 'RESTORE PRUNE'], op: [bin(16), CHANGING, false, CHANGING],
  attempt: [uint(U32), CHANGING, false, CHANGING], since: [uint(U64), CHANGING], if: [uint(5), CONDITION, true],
  bases: [array(64, bin(32)), CONDITION, true], parents: [bool, 'PUT MKDIR MOVE COPY UNDELETE'], recursive: [bool, 'DELETE'],
  replace: [bool, 'MOVE COPY'], exist_ok: [bool, 'MKDIR'], kind: [uint(3), 'PUT'], attr: [attr, 'PUT MKDIR ATTR', false, 'ATTR'],
  end: [bool, 'PUT'], media: [text(127), 'PUT'], message: [text(1024), 'PUT'], size: [uint(SIZE), 'PUT COMMIT'],
  sha256: [bin(32), 'PUT COMMIT'], range: [range, 'GET', true], credit: [uint(U32), 'CREDIT GET WATCH', false, 'CREDIT WATCH'],
  prefix: [text(255), 'LIST'], after: [text(255), 'LIST'], after_index: [uint(U64), 'VERSIONS CHANGES WATCH'],
  limit: [uint(1000), 'LIST VERSIONS CHANGES SPACES'], versions: [array(4, uint(U64)), 'HELLO', false, 'HELLO'],
  client: [text(128), 'HELLO'], session: [bin(16), 'HELLO'],
  at: [uint(U64), AT, true], at_time: [uint(U64), AT, true], token: [uint(U64), 'PUT RENEW UNLOCK', true, 'RENEW'],
  duration: [uint(U64), 'LOCK RENEW SPACE_REMOVE', false, 'LOCK RENEW'], force: [bool, 'UNLOCK', true],
  before: [uint(U64), 'PURGE', true], quota: [uint(U64), 'SPACE_CREATE SPACE_SET', true], cancel: [bool, 'SPACE_REMOVE', true],
  ops: [array(256, array(3, () => {})), 'BATCH', true, 'BATCH'],
  upload: [bin(16), 'PUT'], offer: [bool, 'PUT'], known: [array(16, bin(32)), 'PUT'], offset: [uint(SIZE), 'OFFER'],
  chunks: [bin(0, 36864), 'OFFER', false, 'OFFER'], attrs: [bool, 'LIST'], chunking: [tuple(3, U64), 'SPACE_CREATE', true],
  set: [uint(3), 'SPACE_SET', true, 'SPACE_SET'], keep: [tuple(6, U64), 'SPACE_SET', true],
  key: [bin(32), 'KEY_ADD KEY_REMOVE', true, 'KEY_ADD KEY_REMOVE'], name: [text(63), 'KEY_ADD', false, 'KEY_ADD'] }
const DISK = { total: uint(U64), free: uint(U64), reserve: uint(U64), state: text(16) }
const REPLY = { code: uint(U32), symbol: text(64), text: text(1024), retry: uint(2), kind: uint(3), file: bin(16),
  path: checkPath, sp: space, version: bin(32), number: uint(U64), size: uint(SIZE), modified: uint(U64),
  sha256: bin(32), root: bin(32), chunks: uint(U64), chunks_new: uint(U64),
  heads: array(64, bin(32)), attr, message: text(1024),
  from: uint(SIZE), to: uint(SIZE), receipt: bin(0, 4096), credit: uint(U32), offset: uint(SIZE), change: uint(U64),
  more: bool, v: uint(U64), server: text(128), node: bin(32), mesh: bin(32), frame: uint(U32), beat: uint(U32),
  caps: array(32, text(64)), space, session: bin(16), grace: uint(U32), resumed: bool,
  uptime: uint(U64), rss: uint(U64), disk: map(DISK), sync: bool,
  token: uint(U64), holder: bin(16), expires: uint(U64), at: uint(U64), next: checkName, failed: uint(256),
  cut: bin(32), chunking: tuple(3, U64), durable: uint(SIZE), want: bin(0, 1024), epoch: uint(U64), live: uint(U64),
  swept: uint(U64), swept_bytes: uint(U64) }
const PART = { what: uint(65535), kind: uint(3), file: bin(16), path: checkPath, from: checkPath, version: bin(32),
  displaced: bin(16) }
const ITEM = {
  LIST: { name: checkName, kind: uint(3), file: bin(16), size: uint(SIZE), modified: uint(U64), version: bin(32),
    number: uint(U64), heads: uint(64), lost: bool, attr },
  VERSIONS: { version: bin(32), file: bin(16), number: uint(U64), how: uint(4), parents: array(64, bin(32)),
    size: uint(SIZE), author: bin(16), time: uint(U64), op: bin(16), carrier: bin(32), retained: bool, head: bool },
  CHANGES: { change: uint(U64), what: uint(65535), time: uint(U64), author: bin(16), op: bin(16), kind: uint(3),
    file: bin(16), path: checkPath, from: checkPath, version: bin(32), previous: bin(32), hash: bin(32),
    displaced: bin(16), parts: array(256, map(PART)) },
  SPACES: { name: space, id: bin(16), owner: bin(16), epoch: uint(U64), change: uint(U64), quota: uint(U64),
    used: uint(U64), root: bin(16), trash: bin(16), closes: uint(U64),
    chunking: tuple(3, 2 ** 32 - 1), keep: tuple(6, 1000000) },
  KEY_LIST: { key: bin(32), name: text(63), added: uint(U64), own: bool } }
const TABLES = [REQUEST, REPLY, DISK, ...Object.values(ITEM)]
export const LISTED = new Set(TABLES.flatMap((fields) => Object.keys(fields)).concat('items'))

/** Checks a request as a node does: types, bounds, keys that must not be overlooked, keys that must be there. */
export function checkRequest(type, body) {
  const name = NAME[type]
  for (const [key, [check, requests, strict, required = '']] of Object.entries(REQUEST)) {
    const listed = requests.split(' ').includes(name)
    if (body[key] !== undefined && listed) check(body[key])
    else if (body[key] !== undefined && strict) throw fail('invalid', `${key} with ${name}`)
    if (isEmpty(body[key]) && required.split(' ').includes(name)) throw fail('invalid', `${name} without ${key}`)
  }
  const isOne = (body.path === undefined) !== (body.file === undefined)
  if (ON_FILE.split(' ').includes(name) && !isOne) throw fail('invalid', 'path or file')
  if (body.end && (body.upload || body.offer || body.known)) throw fail('invalid', 'what is kept or offered is not whole')
  if (name === 'OFFER' && body.chunks.length % 36) throw fail('invalid', 'a piece of a chunk')
}
/** Checks an answer to a request of a type: types, bounds, and above all names and paths: files are written by them. */
export function checkReply(requestType, body) {
  checkMap(REPLY, body)
  const item = ITEM[NAME[requestType]]
  if (item && body.items !== undefined) array(1000, map(item))(body.items)
  if (NAME[requestType] === 'LIST') for (const it of body.items ?? []) checkName(it.name)
}

// -- vectors --------------------------------------------------------------------------------------------------

export const SYMBOL = (status) => status.toLowerCase().replaceAll('_', '-')
const DERIVED = ['id', 'hash', 'mtime_s', 'status_name', 'message_name']
function plain(value) { // as the vectors write values
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isSafeInteger(value))) return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!value || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
}
const rowOf = (meaning) => (Array.isArray(meaning) ? meaning.map(rowOf) : meaning && typeof meaning === 'object'
  ? Object.entries(meaning).filter(([key]) => !DERIVED.includes(key)).map(([, v]) => rowOf(v)) : meaning)

const LISTS = { 'client-reply-entry': 'LIST', 'client-reply-version': 'VERSIONS', 'client-reply-change': 'CHANGES',
  'client-reply-space': 'SPACES', 'client-reply-key': 'KEY_LIST' }
function readClient(kind, octets) {
  const envelope = decodeEnvelope(octets.subarray(0, 20))
  const frames = [octets.subarray(0, 20), octets.subarray(20)].filter((frame) => frame.length)
  const message = decodeMessage(frames, (body) => readStrict(body))
  if (kind === 'client-request') {
    if (!NAME[message.type]) throw new FileSphereError({ symbol: 'unsupported' })
    if (['WELCOME', 'PONG', 'OK', 'ERROR', 'NEWS', 'WANT'].includes(NAME[message.type])) throw fail('protocol', 'not of a client')
    checkRequest(message.type, message.body)
  } else if (kind !== 'client-data') checkReply(TYPE[LISTS[kind]], message.body)
  const meaning = { message: NAME[message.type], service: envelope.service, type: envelope.type,
    request_id: Number(envelope.id), body_bytes: envelope.bodyBytes }
  if (kind === 'client-data') {
    const { id, offset } = message
    return [{ ...meaning, offset }, Buffer.concat(encodeMessage(TYPE.DATA, id, offset))]
  }
  const body = envelope.bodyBytes ? pack(message.body) : Buffer.alloc(0)
  const first = encodeEnvelope(1, message.type, message.id, body.length)
  return [{ ...meaning, body: plain(message.body) }, Buffer.concat([first, body])]
}
function readCanon(kind, octets) {
  const row = unpackCanonical(octets)
  const wrong = { 'version-record': () => row[1] === 0, carrier: () => (row[0] === 1) !== (row[2] !== null),
    attr: () => row[0] > 0o7777 }
  if (wrong[kind]?.()) throw new FileSphereError({ symbol: 'invalid' })
  return [row, pack(row)]
}
const typed = (v) => (v === null ? { nil: null } : typeof v === 'boolean' ? { bool: v }
  : typeof v === 'string' ? { text: v }
  : Buffer.isBuffer(v) ? { bin: v.toString('hex') } : Array.isArray(v) ? { array: v.map(typed) } : { uint: plain(v) })

/** Reads and writes one vector; false: a kind that is not about clients. */
export function vector(entry) {
  const { kind } = entry, octets = Buffer.from(entry.hex ?? '', 'hex')
  const given = (m) => { assert.deepEqual(m, entry.meaning) }
  let written
  if (kind === 'envelope') {
    const { service, type, id, bodyBytes } = decodeEnvelope(octets)
    given({ service, type, request_id: id > 2n ** 53n ? String(id) : Number(id), body_bytes: bodyBytes })
    written = encodeEnvelope(service, type, id, bodyBytes)
  } else if (/^client-/.test(kind)) {
    const [meaning, again] = readClient(kind, octets)
    given(meaning)
    assert.deepEqual(Object.keys(meaning.body ?? {}), Object.keys(entry.meaning.body ?? {}))
    written = again
  } else if (kind === 'canon' && !entry.given) {
    const [value, again] = readCanon(kind, octets)
    if (entry.meaning?.nil !== undefined || typeof Object.keys(entry.meaning)[0] === 'string') given(typed(value))
    written = again
  } else if (['version-record', 'change-row', 'carrier', 'details', 'attr'].includes(kind)) {
    const [row, again] = readCanon(kind, octets), { id, hash } = entry.meaning ?? {}
    assert.deepEqual(plain(row), rowOf(entry.meaning))
    if (id ?? hash) assert.equal(sha256(octets).toString('hex'), id ?? hash)
    written = again
  } else if (kind === 'receipt') {
    const key = unpackCanonical(unpackCanonical(octets)[0])[10].toString('hex')
    given(plain(readReceipt(octets, key)))
    written = pack(unpackCanonical(octets).map((part, i) => (i ? part : pack(unpackCanonical(part)))))
    for (let bit = 0; bit < octets.length * 8; bit += 37) { // no flipped bit passes
      const flipped = Buffer.from(octets)
      flipped[bit >> 3] ^= 1 << (bit & 7)
      assert.throws(() => readReceipt(flipped, key))
    }
  } else if (kind === 'profile') {
    const { format, ...profile } = parseProfile(octets.toString())
    given(profile)
    written = Buffer.from(JSON.stringify({ format, ...profile }) + '\n')
  } else return false
  assert.equal(written.toString('hex'), entry.hex)
  return true
}

/** The kinds of entries that are about clients, also those that must be refused. */
export const OURS = /^(envelope|client-.*|canon|version-record|change-row|carrier|details|attr|receipt|profile)$/

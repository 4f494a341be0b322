// SPDX-License-Identifier: MIT
// Octets <-> JavaScript values for the FileSphere client protocol ("§": docs/protocol/client.md). Pure: no sockets, no
// clock. Integers are Numbers, or BigInts where a double cannot hold them; both are taken. Binary is Buffer.
import { Decoder, Encoder } from '@msgpack/msgpack'
import { isUtf8 } from 'node:buffer'
import { createHash, createPublicKey, verify } from 'node:crypto'

export const TYPE = { HELLO: 1, WELCOME: 2, PING: 3, PONG: 4, OK: 5, ERROR: 6, PUT: 10, DATA: 11, COMMIT: 12, ABORT: 13,
  CREDIT: 14, RESUME: 15, GET: 20, STAT: 30, LIST: 31, VERSIONS: 32, CHANGES: 33, SPACES: 34, MKDIR: 40, DELETE: 41,
  MOVE: 42, COPY: 43, RESTORE: 44, NODE: 50 }
export const NAME = Object.fromEntries(Object.entries(TYPE).map(([name, type]) => [type, name]))
export const PAYLOAD_MAX = 262144, CREDIT_MAX = 8388608
const BODY_MAX = 2097152, DEPTH_MAX = 8, VALUES_MAX = 65536

/** A refusal by the node (fields of ERROR, docs/errors.md) or by this client; retry 1: the same request later. */
export class FileSphereError extends Error {
  constructor({ code, symbol, text = '', retry = 0, ...more }) {
    super(`${symbol} (${code}): ${text}`)
    Object.assign(this, { code, symbol, retry, ...more })
  }
}
const CODES = { invalid: 1001, 'too-large': 1002, 'bad-name': 1003, 'bad-range': 1004, unsupported: 1005,
  protocol: 1008, 'no-credit': 1009, timeout: 4009, unreachable: 4011, 'unknown-key': 5001, damaged: 7001,
  'format-newer': 7002, cancelled: 8004 }
export const fail = (symbol, text) =>
  new FileSphereError({ code: CODES[symbol], symbol, text, retry: ['timeout', 'unreachable'].includes(symbol) ? 1 : 0 })

// -- msgpack (§3.3) -------------------------------------------------------------------------------------------

/** Checks counts, lengths, depth, texts and doubled keys against the octets that are there, before unpacking. */
export function skim(octets, valuesMax = VALUES_MAX) {
  let at = 0, values = 0
  const need = (n) => {
    if (octets.length - at < n) throw fail('invalid', 'cut')
    at += n
    return at - n
  }
  const size = (n) => octets.readUIntBE(need(n), n)
  const text = (n) => {
    const from = need(n)
    if (!isUtf8(octets.subarray(from, at))) throw fail('invalid', 'text is not UTF-8')
    return octets.toString('latin1', from, at)
  }
  const many = (n, depth, isMap, isKnown) => {
    if (n > valuesMax) throw fail('too-large', 'too many values')
    if (depth > DEPTH_MAX) throw fail('too-large', 'nested too deep')
    const seen = new Set()
    for (let i = 0; i < n; i++) {
      const key = isMap ? value(depth, false) : undefined
      if (isMap && depth === 1 && key === undefined) throw fail('invalid', 'a key is no text')
      const isListed = isKnown && (!isMap || LISTED.has(key)) // what is not listed is ignored, whatever it is
      if (isMap && isListed && seen.has(key)) throw fail('invalid', 'a key occurs twice')
      seen.add(key)
      value(depth, isListed)
    }
  }
  const value = (depth, isKnown) => { // gives texts back
    if (++values > valuesMax) throw fail('too-large', 'too many values')
    const b = octets[need(1)]
    if (b <= 0x7f || b >= 0xe0) return
    if (b <= 0x8f) return many(b & 15, depth + 1, true, isKnown)
    if (b <= 0x9f) return many(b & 15, depth + 1, false, isKnown)
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
      case 0xdc: case 0xdd: return many(size(2 << (b - 0xdc)), depth + 1, false, isKnown)
      case 0xde: case 0xdf: return many(size(2 << (b - 0xde)), depth + 1, true, isKnown)
      default: throw fail('invalid', 'not msgpack')
    }
  }
  value(0, true)
  if (at !== octets.length) throw fail('invalid', 'octets behind the value')
}

const keptExt = { tryToEncode: () => null, decode: (data, type) => ({ ext: type, data }) } // kept, not understood
const encoder = new Encoder({ useBigInt64: true, extensionCodec: keptExt })
const decoder = new Decoder({ useBigInt64: true, extensionCodec: keptExt,
  mapKeyConverter: (key) => (key === '__proto__' ? '(__proto__)' : String(key)) })

/** Integers for the wire: the shortest form, whatever their JavaScript type (the library writes 2^32 as a double). */
function toWire(value) {
  if (typeof value === 'bigint') return value >= -0x80000000n && value <= 0xffffffffn ? Number(value) : value
  if (Number.isSafeInteger(value) && (value > 0xffffffff || value < -0x80000000)) return BigInt(value)
  if (Array.isArray(value)) return value.map(toWire)
  if (value && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, toWire(v)]))
  }
  return value
}
function fromWire(value) {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(fromWire)
  if (value && typeof value === 'object') for (const key of Object.keys(value)) value[key] = fromWire(value[key])
  return value
}
export const pack = (value) => Buffer.from(encoder.encode(toWire(value)))
export function unpack(octets, valuesMax) {
  skim(octets, valuesMax)
  return fromWire(decoder.decode(octets))
}

/** Canonical msgpack (keys.md): nil, bool, unsigned integers, bin, text and arrays, each in its one shortest form. */
export function unpackCanonical(octets) {
  const value = unpack(octets, Infinity) // the octets at hand bound it
  const allowed = (v) => v === null || typeof v === 'boolean' || typeof v === 'string' || Buffer.isBuffer(v) ||
    (typeof v === 'bigint' ? v >= 0n : Number.isSafeInteger(v) && v >= 0) || (Array.isArray(v) && v.every(allowed))
  if (!allowed(value) || !pack(value).equals(octets)) throw fail('invalid', 'not canonical')
  return value
}

// -- envelope and frames (§3.1, §3.2) -------------------------------------------------------------------------

const isEmpty = (v) => v === undefined || v === null || v === false || v === 0 || v === 0n || v.length === 0

export function encodeEnvelope(service, type, id, bodyBytes) {
  const octets = Buffer.from('FSP\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0', 'latin1')
  octets[4] = service
  octets.writeUInt16BE(type, 6)
  octets.writeBigUInt64BE(BigInt(id), 8)
  octets.writeUInt32BE(bodyBytes, 16)
  return octets
}
export function decodeEnvelope(octets) {
  if (octets.length !== 20 || octets.toString('latin1', 0, 3) !== 'FSP') throw fail('invalid', 'no envelope')
  if (octets[3] !== 1) throw fail('unsupported', 'major version')
  if (octets[5] !== 0) throw fail('invalid', 'flags')
  const bodyBytes = octets.readUInt32BE(16)
  if (bodyBytes > BODY_MAX) throw fail('too-large', 'body')
  return { service: octets[4], type: octets.readUInt16BE(6), id: octets.readBigUInt64BE(8), bodyBytes }
}

/** Frames of a message. body: a map, of which what is zero, empty or false is left out; of DATA the offset. */
export function encodeMessage(type, id, body = {}, payload) {
  let octets = Buffer.alloc(type === TYPE.DATA ? 8 : 0)
  if (type === TYPE.DATA) octets.writeBigUInt64BE(BigInt(body))
  else {
    const kept = Object.entries(body).filter(([, v]) => !isEmpty(v))
    if (kept.length) octets = pack(Object.fromEntries(kept))
  }
  const frames = [encodeEnvelope(1, type, id, octets.length)]
  if (octets.length) frames.push(octets)
  if (payload?.length) frames.push(payload)
  return frames
}

/** The reverse: { type, id (BigInt), body, offset (of DATA), payload }; throws what §3 says. */
export function decodeMessage([first, ...rest]) {
  const { service, type, id, bodyBytes } = decodeEnvelope(first)
  const message = { type, id, body: {} }
  const octets = bodyBytes ? rest.shift() : Buffer.alloc(0)
  if (octets?.length !== bodyBytes) throw fail('invalid', 'length of the body')
  if (service !== 1) throw fail('unsupported', 'service')
  if (type === TYPE.DATA) {
    if (bodyBytes !== 8) throw fail('invalid', 'offset')
    message.offset = Number(octets.readBigUInt64BE())
  } else if (bodyBytes) message.body = unpack(octets)
  if (!message.body || Object.getPrototypeOf(message.body) !== Object.prototype) throw fail('invalid', 'body is no map')
  if (rest.length > 1) throw fail('invalid', 'too many frames')
  if (rest.length) message.payload = rest[0]
  if (message.payload?.length > PAYLOAD_MAX) throw fail('too-large', 'payload')
  return message
}

// -- fields (§7) ----------------------------------------------------------------------------------------------

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

const CHANGING = 'PUT MKDIR DELETE MOVE COPY RESTORE', CONDITION = 'PUT DELETE MOVE COPY RESTORE'
const ON_FILE = 'PUT GET STAT LIST VERSIONS DELETE MOVE COPY RESTORE'
const REQUEST = { // key: [check, requests, must be listed ("!"), required in]
  space: [space, `GET STAT LIST VERSIONS CHANGES ${CHANGING}`, true],
  path: [checkPath, `MKDIR ${ON_FILE}`, true, 'MKDIR'],
  file: [bin(16), ON_FILE, true], to: [checkPath, 'MOVE COPY', true, 'MOVE COPY'],
  version: [hex, 'GET STAT COPY RESTORE', true, 'RESTORE'], op: [bin(16), CHANGING, false, CHANGING],
  attempt: [uint(U32), CHANGING, false, CHANGING], since: [uint(U64), CHANGING], if: [uint(5), CONDITION, true],
  bases: [array(64, bin(32)), CONDITION, true], parents: [bool, 'PUT MKDIR MOVE COPY'], recursive: [bool, 'DELETE'],
  replace: [bool, 'MOVE COPY'], exist_ok: [bool, 'MKDIR'], kind: [uint(3), 'PUT'], attr: [attr, 'PUT MKDIR'],
  end: [bool, 'PUT'], media: [text(127), 'PUT'], message: [text(1024), 'PUT'], size: [uint(SIZE), 'PUT COMMIT'],
  sha256: [bin(32), 'PUT COMMIT'], range: [range, 'GET', true], credit: [uint(U32), 'CREDIT GET', false, 'CREDIT'],
  prefix: [text(255), 'LIST'], after: [text(255), 'LIST'], after_index: [uint(U64), 'VERSIONS CHANGES'],
  limit: [uint(1000), 'LIST VERSIONS CHANGES SPACES'], versions: [array(4, uint(U64)), 'HELLO', false, 'HELLO'],
  client: [text(128), 'HELLO'], session: [bin(16), 'HELLO'] }
const DISK = { total: uint(U64), free: uint(U64), reserve: uint(U64), state: text(16) }
const REPLY = { code: uint(U32), symbol: text(64), text: text(1024), retry: uint(2), kind: uint(3), file: bin(16),
  path: checkPath, sp: space, version: bin(32), number: uint(U64), size: uint(SIZE), modified: uint(U64),
  sha256: bin(32), root: bin(32), chunks: uint(U64), chunks_new: uint(U64),
  heads: array(64, bin(32)), attr, message: text(1024),
  from: uint(SIZE), to: uint(SIZE), receipt: bin(0, 4096), credit: uint(U32), offset: uint(SIZE), change: uint(U64),
  more: bool, v: uint(U64), server: text(128), node: bin(32), mesh: bin(32), frame: uint(U32), beat: uint(U32),
  caps: array(32, text(64)), space, session: bin(16), grace: uint(U32), resumed: bool,
  uptime: uint(U64), rss: uint(U64), disk: map(DISK), sync: bool }
const ITEM = {
  LIST: { name: checkName, kind: uint(3), file: bin(16), size: uint(SIZE), modified: uint(U64), version: bin(32),
    number: uint(U64), heads: uint(64) },
  VERSIONS: { version: bin(32), file: bin(16), number: uint(U64), how: uint(4), parents: array(64, bin(32)),
    size: uint(SIZE), author: bin(16), time: uint(U64), op: bin(16), carrier: bin(32), retained: bool, head: bool },
  CHANGES: { change: uint(U64), what: uint(65535), time: uint(U64), author: bin(16), op: bin(16), kind: uint(3),
    file: bin(16), path: checkPath, from: checkPath, version: bin(32), previous: bin(32), hash: bin(32) },
  SPACES: { name: space, id: bin(16), owner: bin(16), epoch: uint(U64), change: uint(U64), quota: uint(U64),
    used: uint(U64), root: bin(16), trash: bin(16) } }
const TABLES = [REQUEST, REPLY, DISK, ...Object.values(ITEM)]
const LISTED = new Set(TABLES.flatMap((fields) => Object.keys(fields)).concat('items'))

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
}
/** Checks an answer to a request of a type: types, bounds, and above all names and paths: files are written by them. */
export function checkReply(requestType, body) {
  checkMap(REPLY, body)
  const item = ITEM[NAME[requestType]]
  if (item && body.items !== undefined) array(1000, map(item))(body.items)
  if (NAME[requestType] === 'LIST') for (const it of body.items ?? []) checkName(it.name)
}

// -- profile and receipt (keys.md, sections 9 and 10) ---------------------------------------------------------

const each = (pattern) => (v) => typeof v === 'string' && pattern.test(v)
const PROFILE = { format: (v) => v === 1, name: each(/^[^\0-\x1f\x7f/]{1,63}$/), mesh_id: each(/^[0-9a-f]{64}$/i),
  endpoints: (v) => Array.isArray(v) && v.length >= 1 && v.length <= 16 && v.every(each(/^[a-z]+:\/\/[!-~]{1,250}$/)),
  server_key: each(/^[!-~]{40}$/), public_key: each(/^[!-~]{40}$/), secret_key: each(/^[!-~]{40}$/),
  node_key: each(/^[0-9a-f]{64}$/i), space: each(/^[a-z0-9.-]{1,63}$/) }

/** A profile from its JSON text: exactly the fields of PROFILE, none twice. Errors quote no value: one is a secret. */
export function parseProfile(text) {
  let profile, fields = 0
  try {
    profile = JSON.parse(text)
    fields = text.match(/"(?:[^"\\]|\\.)*"\s*:/g).length // a text cannot hold '":' unescaped, so these are the fields
  } catch { throw fail('invalid', 'profile is no JSON object') }
  if (profile?.format > 1) throw fail('format-newer', 'profile')
  for (const [field, isGood] of Object.entries(PROFILE)) {
    if (!isGood(profile?.[field])) throw fail('invalid', `profile: ${field}`)
  }
  if (fields !== Object.keys(PROFILE).length) throw fail('invalid', 'profile: fields')
  return { ...profile, mesh_id: profile.mesh_id.toLowerCase(), node_key: profile.node_key.toLowerCase() }
}

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex') // RFC 8410: this, then the 32 octets of the key

/** What a receipt says, after its signature was verified; nodeKey (of the profile, hex) must be the key that signed. */
export function readReceipt(octets, nodeKey) {
  if (octets.length > 4096) throw fail('too-large', 'receipt')
  const outer = unpackCanonical(octets)
  if (!Array.isArray(outer) || outer.length !== 2 || !outer.every(Buffer.isBuffer)) throw fail('invalid', 'receipt')
  const fields = unpackCanonical(outer[0])
  if (!Array.isArray(fields) || fields.length !== 11 || fields[0] !== 1) throw fail('invalid', 'receipt')
  const [, version, content_root, hash, w, r, rows, change, issued, node, node_key] = fields
  for (const id of [version, content_root, hash, node, node_key]) bin(32)(id)
  for (const number of [w, r]) uint(U32)(number)
  for (const number of [change, issued]) uint(U64)(number)
  bin(64)(outer[1])
  array(4, (row) => {
    if (!Array.isArray(row) || row.length !== 4) throw fail('invalid', 'class')
    const checks = [uint(5), uint(U64), array(16, bin(32)), uint(U32)]
    checks.forEach((check, i) => check(row[i]))
  })(rows)
  const key = createPublicKey({ key: Buffer.concat([ED25519_SPKI, node_key]), format: 'der', type: 'spki' })
  if (!createHash('sha256').update(node_key).digest().equals(node)) throw fail('damaged', 'node id and node key')
  const signed = Buffer.concat([Buffer.from('fsp receipt v1'), outer[0]])
  if (!verify(null, signed, key, outer[1])) throw fail('damaged', 'signature of the receipt')
  if (node_key.toString('hex') !== nodeKey) throw fail('unknown-key', 'receipt of another node')
  const classes = rows.map(([object_kind, count, nodes, zones]) => ({ object_kind, count, nodes, zones }))
  return { version, content_root, sha256: hash, w, r, classes, change, issued, node, node_key }
}

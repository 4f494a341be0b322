// SPDX-License-Identifier: MIT
// Octets <-> JavaScript values for the FileSphere client protocol ("§": docs/protocol/client.md). Pure: no sockets, no
// clock. Integers are Numbers, or BigInts where a double cannot hold them; both are taken. Binary is Buffer.
import { encode } from '@msgpack/msgpack'
import { isUtf8 } from 'node:buffer'
import { createHash, createPublicKey, verify } from 'node:crypto'

export const TYPE = { HELLO: 1, WELCOME: 2, PING: 3, PONG: 4, OK: 5, ERROR: 6, PUT: 10, DATA: 11, COMMIT: 12, ABORT: 13,
  CREDIT: 14, RESUME: 15, GET: 20, STAT: 30, LIST: 31, VERSIONS: 32, CHANGES: 33, SPACES: 34, MKDIR: 40, DELETE: 41,
  MOVE: 42, COPY: 43, RESTORE: 44, NODE: 50 }
export const PAYLOAD_MAX = 262144
const BODY_MAX = 2097152, DEPTH_MAX = 8, VALUES_MAX = 65536, U32 = 2 ** 32 - 1, U64 = 2n ** 64n - 1n

/** A refusal by the node (fields of ERROR, docs/errors.md) or by this client; retry 1: the same request later. */
export class FileSphereError extends Error {
  constructor({ code, symbol, text = '', retry = 0, ...more }) {
    super(`${symbol} (${code}): ${text}`)
    Object.assign(this, { code, symbol, retry, ...more })
  }
}
const CODES = { invalid: 1001, 'too-large': 1002, 'bad-name': 1003, unsupported: 1005, protocol: 1008, 'no-credit': 1009,
  timeout: 4009, unreachable: 4011, 'unknown-key': 5001, damaged: 7001, 'format-newer': 7002, cancelled: 8004 }
export const fail = (symbol, text) =>
  new FileSphereError({ code: CODES[symbol], symbol, text, retry: ['timeout', 'unreachable'].includes(symbol) ? 1 : 0 })

// -- msgpack (§3.3) -------------------------------------------------------------------------------------------

/** Writes a value, integers in their shortest form (the library writes a Number of 2^32 and more as a double). */
export const pack = (value) => Buffer.from(encode(toWire(value), { useBigInt64: true }))
function toWire(value) {
  const isInteger = typeof value === 'bigint' || Number.isSafeInteger(value)
  if (isInteger) return value >= -0x80000000 && value <= U32 ? Number(value) : BigInt(value)
  if (Array.isArray(value)) return value.map(toWire)
  if (Object.getPrototypeOf(value ?? 0) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, toWire(v)]))
}

/** Reads one value. Every count, length and depth is checked before anything is allocated by it; a key that is listed
 *  must not occur twice. Extensions, which no field is, become a symbol. */
export function unpack(octets, isListed = (key) => key in KIND, valuesMax = VALUES_MAX) {
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
      const key = value(depth, false), isKept = isKnown && isListed(key) // what is not listed is ignored, whatever it is
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

// -- messages (§3.1, §3.2) ------------------------------------------------------------------------------------

/** Frames of a message. body: a map, of which what is zero, empty or false is left out; of DATA the offset. */
export function encodeMessage(type, id, body = {}, payload) {
  const isEmpty = (v) => [undefined, null, false, 0, 0n].includes(v) || v.length === 0
  let octets = Buffer.alloc(type === TYPE.DATA ? 8 : 0)
  if (type === TYPE.DATA) octets.writeBigUInt64BE(BigInt(body))
  else {
    const kept = Object.entries(body).filter(([, v]) => !isEmpty(v))
    if (kept.length) octets = pack(Object.fromEntries(kept))
  }
  const envelope = Buffer.from('FSP\x01\x01'.padEnd(20, '\0'), 'latin1')
  envelope.writeUInt16BE(type, 6)
  envelope.writeBigUInt64BE(BigInt(id), 8)
  envelope.writeUInt32BE(octets.length, 16)
  return [envelope, octets, payload].filter((frame) => frame?.length)
}

export function decodeEnvelope(octets) {
  if (octets.length !== 20 || octets.toString('latin1', 0, 3) !== 'FSP') throw fail('invalid', 'no envelope')
  if (octets[3] !== 1) throw fail('unsupported', 'major version')
  if (octets[5] !== 0) throw fail('invalid', 'flags')
  const bodyBytes = octets.readUInt32BE(16)
  if (bodyBytes > BODY_MAX) throw fail('too-large', 'body')
  return { service: octets[4], type: octets.readUInt16BE(6), id: octets.readBigUInt64BE(8), bodyBytes }
}
/** The reverse: { type, id (BigInt), body, offset (of DATA), payload }; throws what §3 says. */
export function decodeMessage([first, ...rest], isListed) {
  const { service, type, id, bodyBytes } = decodeEnvelope(first)
  const octets = bodyBytes ? rest.shift() : Buffer.alloc(0), [payload] = rest
  if (octets?.length !== bodyBytes) throw fail('invalid', 'length of the body')
  if (service !== 1) throw fail('unsupported', 'service')
  if (rest.length > 1) throw fail('invalid', 'too many frames')
  if (payload?.length > PAYLOAD_MAX) throw fail('too-large', 'payload')
  if (type === TYPE.DATA) {
    if (bodyBytes !== 8) throw fail('invalid', 'offset')
    return { type, id, body: {}, offset: Number(octets.readBigUInt64BE()), payload }
  }
  const body = bodyBytes ? unpack(octets, isListed) : {}
  if (!isMap(body)) throw fail('invalid', 'body is no map')
  return { type, id, body, payload }
}

// -- fields of answers (§7.2, §7.3) ---------------------------------------------------------------------------

const isMap = (v) => Object.getPrototypeOf(v ?? 0) === Object.prototype
const isUint = (max) => (v) => (typeof v === 'bigint' || Number.isSafeInteger(v)) && v >= 0 && v <= max
const isBin = (size) => (v) => Buffer.isBuffer(v) && v.length === size
const isText = (pattern) => (v) => typeof v === 'string' && pattern.test(v)
const isArray = (max, isGood) => (v) => Array.isArray(v) && v.length <= max && v.every(isGood)
const isRow = (...checks) => (v) => Array.isArray(v) && v.length === checks.length && checks.every((is, i) => is(v[i]))
const isName = (v) => isText(/^[^/\0]+$/)(v) && Buffer.byteLength(v) <= 255 && v !== '.' && v !== '..'
const isPath = (v) => v === '/' || (isText(/^\//)(v) && Buffer.byteLength(v) <= 4096 && isArray(64, isName)(v.slice(1).split('/')))

const CHECKS = { uint: isUint(U64), text: (v) => typeof v === 'string', bin: Buffer.isBuffer, map: isMap, name: isName,
  bool: (v) => typeof v === 'boolean', array: Array.isArray, maps: isArray(1000, isMap), path: isPath }
const FIELDS = {
  uint: 'code retry kind number size modified chunks chunks_new from to credit offset change v frame beat grace uptime ' +
    'rss total free reserve how time what epoch quota used',
  text: 'symbol text message server space sp state', array: 'heads attr caps parents', map: 'disk', maps: 'items',
  bin: 'file version sha256 root receipt node mesh session author op carrier previous hash id owner trash',
  bool: 'more resumed sync retained head', name: 'name', path: 'path' }
const KIND = Object.fromEntries(Object.entries(FIELDS).flatMap(([kind, keys]) => keys.split(' ').map((key) => [key, kind])))
const ITEM_KIND = { ...KIND, heads: 'uint', from: 'path' }

/** Checks an answer to a request of a type: the fields have their types, and names and paths, by which files are written,
 *  their form. */
export function checkReply(requestType, { items = [], ...body }, kinds = KIND) {
  for (const [key, v] of Object.entries(body)) {
    const kind = kinds[key]
    if (kind && !CHECKS[kind](v)) throw fail(['name', 'path'].includes(kind) ? 'bad-name' : 'invalid', key)
  }
  if (!CHECKS.maps(items)) throw fail('invalid', 'items')
  items.forEach((item) => checkReply(requestType, requestType === TYPE.LIST ? { name: '', ...item } : item, ITEM_KIND))
}

// -- profile and receipt (keys.md, sections 9 and 10) ---------------------------------------------------------

const PROFILE = { format: (v) => v === 1, name: isText(/^[^\0-\x1f\x7f/]{1,63}$/), mesh_id: isText(/^[0-9a-f]{64}$/i),
  endpoints: (v) => isArray(16, isText(/^[a-z]+:\/\/[!-~]{1,250}$/))(v) && v.length > 0, server_key: isText(/^[!-~]{40}$/),
  public_key: isText(/^[!-~]{40}$/), secret_key: isText(/^[!-~]{40}$/), node_key: isText(/^[0-9a-f]{64}$/i),
  space: isText(/^[a-z0-9.-]{1,63}$/) }

/** A profile from its JSON text: exactly the fields of PROFILE, none twice. Errors quote no value: one is a secret. */
export function parseProfile(text) {
  let profile, fields = 0
  try {
    profile = JSON.parse(text)
    fields = text.match(/"(?:[^"\\]|\\.)*"\s*:/g).length // a text cannot hold '":' unescaped, so these are the fields
  } catch { throw fail('invalid', 'profile is no JSON object') }
  if (profile?.format > 1) throw fail('format-newer', 'profile')
  const wrong = Object.keys(PROFILE).find((field) => !PROFILE[field](profile?.[field]))
  if (wrong || fields !== Object.keys(PROFILE).length) throw fail('invalid', `profile: ${wrong ?? 'fields'}`)
  return { ...profile, mesh_id: profile.mesh_id.toLowerCase(), node_key: profile.node_key.toLowerCase() }
}

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex') // RFC 8410: this, then the 32 octets of the key
const isClass = isRow(isUint(5), isUint(U64), isArray(16, isBin(32)), isUint(U32))
const isReceipt = isRow((v) => v === 1, isBin(32), isBin(32), isBin(32), isUint(U32), isUint(U32), isArray(4, isClass),
  isUint(U64), isUint(U64), isBin(32), isBin(32))

/** What a receipt says, after its signature was verified; nodeKey (of the profile, hex) must be the key that signed. */
export function readReceipt(octets, nodeKey) {
  const canonical = (part, isGood) => { // one shortest form for each value
    const row = unpack(part)
    if (!isGood(row) || !pack(row).equals(part)) throw fail('invalid', 'receipt')
    return row
  }
  if (octets.length > 4096) throw fail('too-large', 'receipt')
  const [signed, signature] = canonical(octets, isRow(Buffer.isBuffer, isBin(64)))
  const [, version, content_root, sha256, w, r, rows, change, issued, node, node_key] = canonical(signed, isReceipt)
  const key = createPublicKey({ key: Buffer.concat([ED25519_SPKI, node_key]), format: 'der', type: 'spki' })
  if (!createHash('sha256').update(node_key).digest().equals(node)) throw fail('damaged', 'node id and node key')
  const isSigned = verify(null, Buffer.concat([Buffer.from('fsp receipt v1'), signed]), key, signature)
  if (!isSigned) throw fail('damaged', 'signature of the receipt')
  if (node_key.toString('hex') !== nodeKey) throw fail('unknown-key', 'receipt of another node')
  const classes = rows.map(([object_kind, count, nodes, zones]) => ({ object_kind, count, nodes, zones }))
  return { version, content_root, sha256, w, r, classes, change, issued, node, node_key }
}

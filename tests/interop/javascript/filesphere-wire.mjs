// SPDX-License-Identifier: MIT
// Octets <-> JavaScript values for the FileSphere client protocol ("§": docs/protocol/client.md). Pure.
import { Decoder, encode } from '@msgpack/msgpack'
import { createHash, createPublicKey, verify } from 'node:crypto'

export const TYPE = { HELLO: 1, WELCOME: 2, PING: 3, PONG: 4, OK: 5, ERROR: 6, PUT: 10, DATA: 11, COMMIT: 12, ABORT: 13,
  CREDIT: 14, RESUME: 15, GET: 20, STAT: 30, LIST: 31, VERSIONS: 32, CHANGES: 33, SPACES: 34, MKDIR: 40, DELETE: 41,
  MOVE: 42, COPY: 43, RESTORE: 44, NODE: 50 }
export const PAYLOAD_MAX = 262144
const BODY_MAX = 2097152, VALUES_MAX = 65536, U32 = 2 ** 32 - 1, U64 = 2n ** 64n - 1n
const CODES = { invalid: 1001, 'too-large': 1002, 'bad-name': 1003, unsupported: 1005, protocol: 1008,
  'no-credit': 1009, timeout: 4009, unreachable: 4011, 'unknown-key': 5001, damaged: 7001, 'format-newer': 7002,
  cancelled: 8004 }

/** A refusal by the node (fields of ERROR, docs/errors.md) or by this client; retry 1: the same request later. */
export class FileSphereError extends Error {
  constructor({ symbol, code = CODES[symbol], text = '', retry = 0, ...more }) {
    super(`${symbol} (${code}): ${text}`)
    Object.assign(this, { code, symbol, retry, ...more })
  }
}
export const fail = (symbol, text) =>
  new FileSphereError({ symbol, text, retry: ['timeout', 'unreachable'].includes(symbol) ? 1 : 0 })

// -- msgpack (§3.3): integers in their shortest form, and read as Numbers where a double holds them -----------

const decoder = new Decoder({ useBigInt64: true, maxArrayLength: VALUES_MAX, maxMapLength: VALUES_MAX,
  mapKeyConverter: (key) => (key === '__proto__' ? '(__proto__)' : String(key)) })
const isMap = (v) => Object.getPrototypeOf(v ?? 0) === Object.prototype
const isInteger = (v) => typeof v === 'bigint' || Number.isSafeInteger(v)
function convert(value, integer) { // every integer of a value by integer(), binary to Buffer
  if (isInteger(value)) return integer(value)
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map((v) => convert(v, integer))
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, v]) => [key, convert(v, integer)])) : value
}
const toWire = (n) => (n >= -0x80000000 && n <= U32 ? Number(n) : BigInt(n)) // of a greater Number it makes a double
export const pack = (value) => Buffer.from(encode(convert(value, toWire), { useBigInt64: true }))
export function unpack(octets) {
  try {
    return convert(decoder.decode(octets), (n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n))
  } catch (error) { throw fail('invalid', error.message) }
}

// -- messages (§3.1, §3.2) ------------------------------------------------------------------------------------

/** Frames of a message. body: a map, of which what is zero, empty or false is left out; of DATA the offset. */
export function encodeMessage(type, id, body = {}, payload) {
  const kept = Object.entries(body).filter(([, v]) => v && v !== 0n && v.length !== 0)
  let octets = kept.length ? pack(Object.fromEntries(kept)) : Buffer.alloc(0)
  if (type === TYPE.DATA) (octets = Buffer.alloc(8)).writeBigUInt64BE(BigInt(body))
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
export function decodeMessage([first, ...rest], read = unpack) {
  const { service, type, id, bodyBytes } = decodeEnvelope(first), isData = type === TYPE.DATA
  const octets = bodyBytes ? rest.shift() : Buffer.alloc(0), [payload] = rest
  if (service !== 1) throw fail('unsupported', 'service')
  if (octets?.length !== bodyBytes || (isData && bodyBytes !== 8)) throw fail('invalid', 'length of the body')
  if (rest.length > 1) throw fail('invalid', 'too many frames')
  if (payload?.length > PAYLOAD_MAX) throw fail('too-large', 'payload')
  if (isData) return { type, id, body: {}, offset: Number(octets.readBigUInt64BE()), payload }
  const body = bodyBytes ? read(octets) : {}
  if (!isMap(body)) throw fail('invalid', 'body is no map')
  return { type, id, body, payload }
}

// -- checks of values that come from elsewhere ----------------------------------------------------------------

const isUint = (max) => (v) => isInteger(v) && v >= 0 && v <= max
const isBin = (size) => (v) => Buffer.isBuffer(v) && v.length === size
const isText = (pattern) => (v) => typeof v === 'string' && pattern.test(v)
const isArray = (max, isGood) => (v) => Array.isArray(v) && v.length <= max && v.every(isGood)
const isRow = (...checks) => (v) => Array.isArray(v) && v.length === checks.length && checks.every((is, i) => is(v[i]))
const isName = (v) => isText(/^[^/\0]+$/)(v) && Buffer.byteLength(v) <= 255 && v !== '.' && v !== '..'
const isPath = (v) => v === '/' || (isText(/^\//)(v) && v.slice(1).split('/').every(isName))

/** Names and paths in an answer to a request of a type: local files may be made of them. */
export function checkNames(type, { path, items = [] }) {
  const isItem = ({ name, path, from }) => [path, from].every((v) => v === undefined || isPath(v)) &&
    (isName(name) || (name === undefined && type !== TYPE.LIST))
  if (!isArray(1000, isMap)(items)) throw fail('invalid', 'items')
  if ((path !== undefined && !isPath(path)) || !items.every(isItem)) throw fail('bad-name', 'in an answer')
}

// -- profile and receipt (keys.md, sections 9 and 10) ---------------------------------------------------------

const isHex = isText(/^[0-9a-f]{64}$/i), isKey = isText(/^[!-~]{40}$/), isEndpoint = isText(/^[a-z]+:\/\/[!-~]{1,250}$/)
const PROFILE = { format: (v) => v === 1, name: isText(/^[^\0-\x1f\x7f/]{1,63}$/), mesh_id: isHex,
  endpoints: (v) => isArray(16, isEndpoint)(v) && v.length > 0, server_key: isKey, public_key: isKey, secret_key: isKey,
  node_key: isHex, space: isText(/^[a-z0-9.-]{1,63}$/) }

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
  const canonical = (part, isGood) => { // each value in its one shortest form
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

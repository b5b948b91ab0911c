const algorithm = { name: 'HMAC', hash: 'SHA-256' }

/** HMAC-SHA256. The key must not be empty: Web Crypto refuses that. */
export async function hmac(key: string, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', await imported(key, 'sign'), data))
}

/** Whether that is the HMAC-SHA256 of the data. Takes as long whatever is wrong with it. */
export async function isHmac(
  code: Uint8Array<ArrayBuffer>,
  key: string,
  data: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  return crypto.subtle.verify('HMAC', await imported(key, 'verify'), code, data)
}

function imported(key: string, usage: 'sign' | 'verify'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', new TextEncoder().encode(key), algorithm, false, [usage])
}

import { createHmac, timingSafeEqual } from 'node:crypto';

const key = Buffer.from(process.env.KEYWARD_WEBHOOK_SECRET.replace('whsec_', ''), 'base64');

// Whether `body`, the raw Buffer, came from Keyward in the last five minutes.
export function verify(headers, body) {
  const sent = headers['webhook-timestamp'];
  if (!(Math.abs(Date.now() / 1000 - Number(sent)) <= 300)) return false;
  const mac = createHmac('sha256', key).update(`${headers['webhook-id']}.${sent}.`).update(body);
  const want = Buffer.from(`v1,${mac.digest('base64')}`);
  return headers['webhook-signature'].split(' ').some((text) => {
    const got = Buffer.from(text);
    return got.length === want.length && timingSafeEqual(got, want);
  });
}

// What pages gain with JavaScript: times in the reader's zone, copy buttons, a fill-in for the address, forms that are sent once,
// passkeys, files. Every page works without it.
'use strict';

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const minute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

// How long ago a moment of the last day was; older ones as a date.
const ago = {
  format(at) {
    const minutes = Math.floor((Date.now() - at) / 60_000);
    if (minutes < 0 || minutes >= 1_440) return minute.format(at);
    if (minutes < 1) return 'just now';
    return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
  },
};

function localTimes(root) {
  for (const time of root.querySelectorAll('time[data-local]')) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = ({ day, clock, ago }[time.dataset.local] ?? minute).format(at);
  }
}

function makePassphrase() {
  const kinds = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnopqrstuvwxyz', '23456789', '-_.!*+'];
  const all = kinds.join('');
  const pick = (letters) => {
    const most = 256 - (256 % letters.length);
    for (;;) {
      const [byte] = crypto.getRandomValues(new Uint8Array(1));
      if (byte < most) return letters[byte % letters.length];
    }
  };
  const letters = kinds.map(pick);
  while (letters.length < 20) letters.push(pick(all));
  return letters.join('');
}

function fill(field, text) {
  field.value = field.tagName === 'TEXTAREA' && field.value.trim() ? `${field.value.trim()}, ${text}` : text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
}

function copied(button) {
  const before = button.textContent;
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = before; }, 1500);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const { copy, fill: into, make } = button.dataset;
  if (copy) {
    const source = document.getElementById(copy);
    const text = source.tagName === 'OL' ? [...source.children].map((line) => line.textContent).join('\n') : source.textContent;
    navigator.clipboard.writeText(text).then(() => copied(button));
  } else if (into) {
    fill(document.getElementById(into), button.dataset.value);
  } else if (make) {
    fill(document.getElementById(make), makePassphrase());
  }
});

// A menu closes when something else is clicked, or with Escape.
document.addEventListener('click', (event) => {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    menu.open = false;
    menu.querySelector('summary').focus();
  }
});

for (const button of document.querySelectorAll('button[data-copy], button[data-fill], button[data-make]')) button.hidden = false;
localTimes(document);
// A list that is watched grows at its top, and ends somewhere.
const watchedRows = 300;
function trimWatched() {
  for (const list of document.querySelectorAll('tbody[data-live]')) {
    while (list.rows.length > watchedRows) list.lastElementChild.remove();
  }
}
for (const name of ['htmx:afterSwap', 'htmx:after:swap']) {
  document.addEventListener(name, () => {
    localTimes(document);
    trimWatched();
  });
}

// A form is sent once: while its answer is awaited, a second click sends nothing. The form can be sent again after this time, or
// when its page is shown again by the Back button. A form whose answer is a download stays on its page, so it has data-again.
// htmx prevents the submissions that it sends itself.
const SENT_MS = 15 * 1000;

function markSent(form) {
  form.ariaBusy = 'true';
  setTimeout(() => { form.ariaBusy = null; }, SENT_MS);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== 'post' || form.matches('[data-again]')) return;
  if (form.ariaBusy) event.preventDefault();
  else markSent(form);
});
addEventListener('pageshow', () => {
  for (const form of document.forms) form.ariaBusy = null;
});

// A passkey answers the question that its button carries or fetches; the answer goes into the form. The other factors of the
// form are left out, but what else it needs must be there before a device is asked.
async function fetchQuestion(form, from, field = '') {
  const body = new URLSearchParams({ challenge: form.elements.challenge?.value ?? '', field });
  const reply = await fetch(from, { method: 'POST', body });
  if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
  return reply.json();
}

function answer(form, asked, credential) {
  if (form.ariaBusy) return;
  form.querySelector('[data-passkey-answer]').value = JSON.stringify({ ceremony: asked.ceremony, credential: credential.toJSON() });
  markSent(form);
  form.submit();
}

// The address field of the sign-in page offers the passkeys that the device has for this site. The question names none. It is
// good for five minutes; who comes back later is asked another one. A browser asks one question at a time and refuses a second
// one, so pressing the button ends the offer at whatever point it is, and the offer begins again if the button leads nowhere.
const OFFER_MS = 4.5 * 60 * 1000;
let offered = new AbortController();

async function offerInField(button) {
  if (button.disabled) return;
  offered.abort();
  offered = new AbortController();
  const { signal } = offered;
  let late;
  try {
    if (!await PublicKeyCredential.isConditionalMediationAvailable?.() || signal.aborted) return;
    late = setTimeout(() => {
      if (signal.aborted) return;
      offered.abort();
      addEventListener('focus', () => offerInField(button), { once: true });
    }, OFFER_MS);
    const asked = await fetchQuestion(button.form, button.dataset.passkeyAsk, 'field');
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options);
    answer(button.form, asked, await navigator.credentials.get({ mediation: 'conditional', signal, publicKey }));
  } catch {
    // Nobody chose one: the other ways in stay as they are.
  } finally {
    clearTimeout(late);
  }
}

const offersInField = (button) => button.dataset.passkeyAsk && document.querySelector('input[autocomplete~=webauthn]');

async function askPasskey(button) {
  const { passkeyGet, passkeyCreate, passkeyAsk } = button.dataset;
  const note = button.form.querySelector('[data-passkey-note]');
  const due = [...button.form.elements].filter((field) => field.required && !['factor', 'code'].includes(field.name));
  if (!due.every((field) => field.reportValidity())) return;
  offered.abort();
  note.hidden = true;
  button.disabled = true;
  let said = 'The server could not start the passkey check. Try again in a few minutes, or use another method.';
  try {
    const asked = passkeyAsk ? await fetchQuestion(button.form, passkeyAsk) : JSON.parse(passkeyGet ?? passkeyCreate);
    said = 'The device provided no passkey. Try again, or use another method.';
    const credential = passkeyCreate
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options) });
    answer(button.form, asked, credential);
  } catch (problem) {
    note.textContent = passkeyCreate && problem.name === 'InvalidStateError' ? 'This device already has a passkey for your account.' : said;
    note.hidden = false;
    button.disabled = false;
    if (offersInField(button)) offerInField(button);
  }
}
if (globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  for (const button of document.querySelectorAll('[data-passkey-get], [data-passkey-create], [data-passkey-ask]')) {
    button.hidden = false;
    button.addEventListener('click', () => askPasskey(button));
  }
  const asking = document.querySelector('[data-passkey-ask]');
  if (asking && offersInField(asking)) offerInField(asking);
}

// Files of a person's own, read in the page and sent with its form: ranges as text into their field, a logo as Base64.
const LOGO_BYTES = 512 * 1024;
const RANGE_BYTES = 256 * 1024;

function pick(accept, use) {
  const input = Object.assign(document.createElement('input'), { type: 'file', accept });
  input.addEventListener('change', () => { if (input.files[0]) use(input.files[0]); });
  input.click();
}

for (const button of document.querySelectorAll('button[data-read]')) {
  button.hidden = false;
  button.addEventListener('click', () => pick('.txt,.csv,text/plain,text/csv', async (file) => {
    const field = document.getElementById(button.dataset.read);
    // What is too long is cut behind the limit, so that the judgement says that it is.
    field.value = await file.slice(0, RANGE_BYTES + 1).text();
    field.dispatchEvent(new Event('input', { bubbles: true }));
    field.focus();
  }));
}

function showLogo(part, text, said) {
  const [image, hint] = [part.querySelector('img'), part.querySelector('.hint')];
  part.querySelector('textarea').value = text;
  image.hidden = text === '';
  image.src = text;
  hint.querySelector('.error')?.remove();
  if (said) hint.prepend(Object.assign(document.createElement('span'), { className: 'error', textContent: `${said} ` }));
}

for (const part of document.querySelectorAll('[data-picture]')) {
  const chooser = part.querySelector('input[type=file]');
  chooser.parentElement.hidden = false;
  part.querySelector('textarea').parentElement.hidden = true;
  part.querySelector('[data-plain]').hidden = true;
  chooser.addEventListener('change', () => {
    const [file] = chooser.files;
    if (!file) return;
    if (file.size > LOGO_BYTES || !['image/png', 'image/jpeg'].includes(file.type)) {
      showLogo(part, '', 'Choose a PNG or JPEG picture of at most 512 KiB.');
      return;
    }
    const reader = new FileReader();
    reader.addEventListener('load', () => showLogo(part, reader.result, ''));
    reader.readAsDataURL(file);
  });
}

// A set-up link carries its token behind "#", which no server sees: it goes into the form and out of the address bar.
for (const field of document.querySelectorAll('[data-from-hash]')) {
  if (location.hash.length > 1) {
    field.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname);
  }
}

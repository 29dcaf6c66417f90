// What pages gain with JavaScript: times in the reader's zone, copy buttons, a fill-in for the address, forms that are sent once,
// passkeys, files. Every page works without it.
'use strict';

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const minute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const toTheSecond = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

// How many days of the reader's zone lie between a moment and today; less than none for what is to come.
function daysAgo(at) {
  const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((midnight(new Date()) - midnight(at)) / 86_400_000);
}

// How long ago a moment of today was; that of yesterday as such, and all others with their date.
const ago = {
  format(at) {
    const minutes = Math.floor((Date.now() - at) / 60_000);
    if (minutes < -1) return minute.format(at);
    if (minutes < 1) return 'just now';
    if (minutes < 60) return `${minutes} min ago`;
    if (daysAgo(at) === 0) return `${Math.floor(minutes / 60)} h ago`;
    return daysAgo(at) === 1 ? `yesterday, ${clock.format(at)}` : minute.format(at);
  },
};

// A moment to the second: without its date when that is today.
const second = { format: (at) => (daysAgo(at) === 0 ? timeOfDay : toTheSecond).format(at) };

// What a time says by its data-local: the day, hour and minute, how long ago, with seconds, or with seconds below a heading
// that says the day. Without a word it says the date, the hour and the minute.
const timeKinds = { day, clock, ago, second, time: timeOfDay };

// Times in the reader's zone. The title stays in UTC, as exact as the machine-readable text is.
function localTimes(root, kind) {
  for (const one of root.querySelectorAll(kind ? `time[data-local="${kind}"]` : 'time[data-local]')) {
    const at = new Date(one.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const text = (timeKinds[one.dataset.local] ?? minute).format(at);
    if (one.textContent !== text) one.textContent = text;
    if (/T\d\d:\d\d:\d\d.*Z$/.test(one.dateTime)) one.title = `${one.dateTime.slice(0, -1).replace('T', ' ')} UTC`;
  }
}

// The server groups lists by the days of UTC; the same rows under the days of the reader's zone.
function localDays(root) {
  for (const list of root.querySelectorAll('[data-days]')) {
    const days = [];
    let last;
    for (const row of list.querySelectorAll(':scope > section > ul > li')) {
      const section = row.closest('section');
      const at = new Date(row.querySelector('time').dateTime);
      const named = section.querySelector('h2');
      const name = Number.isNaN(at.getTime()) ? named.textContent : ['Today', 'Yesterday'][daysAgo(at)] ?? longDay.format(at);
      if (name !== last?.name) {
        last = { name, section: section.cloneNode(false), rows: row.parentElement.cloneNode(false) };
        last.section.append(Object.assign(named.cloneNode(false), { textContent: name }), last.rows);
        days.push(last);
      }
      last.rows.append(row);
    }
    list.replaceChildren(...days.map((one) => one.section));
  }
  for (const note of root.querySelectorAll('[data-zone]')) {
    note.textContent = `Days and times are in your time zone (${clock.resolvedOptions().timeZone}).`;
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
localDays(document);
localTimes(document);
setInterval(() => localTimes(document, 'ago'), 60_000);
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

// A part of a page stays as it is when its refresh fails, and is asked for again. The drawer has a page for its errors.
document.addEventListener('htmx:before:response', (event) => {
  const { ctx } = event.detail;
  if (ctx.response.status >= 400 && ctx.target?.id !== 'drawer') event.preventDefault();
});

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
    for (const part of [button.closest('.passkey'), button.closest('[data-passkey-part]')]) if (part) part.hidden = false;
    button.addEventListener('click', () => askPasskey(button));
  }
  const asking = document.querySelector('[data-passkey-ask]');
  if (asking && offersInField(asking)) offerInField(asking);
} else {
  for (const part of document.querySelectorAll('.passkey, [data-passkey-part], [data-passkey-get], [data-passkey-create], [data-passkey-ask]')) part.remove();
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

// Key list.
{
  // The list loads its rows again and again. While a menu is open, a key is selected, a button is pressed or the keyboard is in
  // them, they stay. The sockets of a key do the same.
  const inUse = (rows) => rows.querySelector('details[open], input:checked, :focus-visible, :active') !== null;
  for (const name of ['htmx:before:request', 'htmx:before:swap']) {
    document.addEventListener(name, (event) => {
      if (event.target.matches?.('[data-keys], [data-sockets]') && inUse(event.target)) event.preventDefault();
    });
  }

  const bulk = document.getElementById('bulk');
  const all = document.querySelectorAll('[data-pick-all]');
  const boxes = () => [...(bulk?.elements ?? [])].filter((one) => one.name === 'key');
  const count = () => {
    if (!bulk) return;
    const [keys, selected] = [boxes().length, boxes().filter((box) => box.checked).length];
    bulk.querySelector('[data-selected]').textContent = selected === 0 ? 'Select keys in the list.' : `${selected} selected`;
    for (const box of all) {
      box.checked = selected > 0 && selected === keys;
      box.indeterminate = selected > 0 && selected < keys;
    }
  };
  const ready = () => {
    for (const button of document.querySelectorAll('button[data-copy-key]')) button.hidden = false;
    count();
  };
  for (const box of all) {
    box.closest('label').hidden = !bulk;
    box.addEventListener('change', () => {
      for (const one of boxes()) one.checked = box.checked;
      count();
    });
  }
  document.addEventListener('change', (event) => { if (event.target.form === bulk && event.target.name === 'key') count(); });
  document.addEventListener('htmx:after:swap', ready);
  addEventListener('pageshow', ready);
  ready();

  // The whole key is copied, of which the row shows the beginning.
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('button[data-copy-key]');
    if (!button) return;
    navigator.clipboard.writeText(button.previousElementSibling.textContent).then(() => {
      button.classList.add('done');
      setTimeout(() => button.classList.remove('done'), 1500);
    });
  });
}
// end of key list

// Activity.
{
  // Days below a chart, in the reader's zone as its hours are.
  const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
  const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
  for (const one of document.querySelectorAll('time[data-tick]')) {
    one.textContent = (one.dataset.tick === 'week' ? weekday : date).format(new Date(one.dateTime));
  }
  for (const zone of document.querySelectorAll('.axis-zone')) zone.remove();

  // The moment of one request, in the reader's zone to the millisecond.
  const exact = new Intl.DateTimeFormat(undefined, {
    year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, timeZoneName: 'short',
  });
  const exactTimes = (root) => {
    for (const line of root.querySelectorAll('[data-exact]')) {
      line.textContent = exact.format(new Date(line.dataset.exact));
      line.hidden = false;
    }
  };
  exactTimes(document);

  // The live view stands still while it is paused. It asks on from the same record afterwards, so nothing is left out.
  for (const button of document.querySelectorAll('button[data-pause]')) {
    const list = document.querySelector('tbody[data-live]');
    button.hidden = false;
    button.addEventListener('click', () => {
      button.textContent = list.toggleAttribute('data-paused') ? 'Resume' : 'Pause';
    });
  }
  for (const name of ['htmx:before:request', 'htmx:before:swap']) {
    document.addEventListener(name, (event) => {
      if (event.target.matches?.('[data-paused] .look')) event.preventDefault();
    });
  }

  // A request opens beside its list. Escape closes it, and the focus goes back to the link. An error has a page of its own.
  const drawer = Object.assign(document.createElement('dialog'), { id: 'drawer', className: 'drawer' });
  drawer.setAttribute('aria-labelledby', 'drawer-title');
  document.addEventListener('click', ({ target }) => {
    if (!drawer.isConnected && target.closest?.('[hx-target="#drawer"]')) document.body.append(drawer);
  }, true);
  document.addEventListener('htmx:before:response', (event) => {
    const { ctx } = event.detail;
    if (ctx.target !== drawer || ctx.response.status < 400) return;
    event.preventDefault();
    location.assign(ctx.request.action);
  });
  document.addEventListener('htmx:after:swap', ({ detail }) => {
    if (detail.ctx.target !== drawer) return;
    exactTimes(drawer);
    for (const button of drawer.querySelectorAll('button[data-copy]')) button.hidden = false;
    if (!drawer.open) drawer.showModal();
    drawer.scrollTop = 0;
    drawer.querySelector('h2').focus();
  });
  drawer.addEventListener('click', ({ target }) => { if (target === drawer) drawer.close(); });
  drawer.addEventListener('close', () => drawer.replaceChildren());
}
// end of activity

// Palette.
// Links to pages, actions and keys behind Ctrl K; the server lists them when they are wanted first. All words that are typed
// must stand in a link's text, in their order. What was chosen last in this tab comes first.
const palette = document.getElementById('palette');
if (palette) {
  const opener = document.querySelector('[data-palette]');
  const [field, list, note] = palette.children;
  const recent = (sessionStorage.palette ?? '').split(' ');
  const links = () => [...list.children].filter((link) => !link.hidden);
  let chosen;
  const choose = (link) => {
    chosen?.setAttribute('aria-selected', 'false');
    link?.setAttribute('aria-selected', 'true');
    link?.scrollIntoView({ block: 'nearest' });
    field.setAttribute('aria-activedescendant', link?.id ?? '');
    note.textContent = link ? '' : 'Nothing matches.';
    chosen = link;
  };
  const narrow = () => {
    const words = field.value.trim().split(/\s+/).map((word) => word.replace(/\W/g, '\\$&'));
    const wanted = new RegExp(words.join('.*'), 'is');
    for (const link of list.children) link.hidden = !wanted.test(link.textContent);
    choose(links()[0]);
  };
  const open = async () => {
    field.value = '';
    palette.showModal();
    if (!list.children.length) {
      const reply = await fetch('/palette', { headers: { 'hx-request': 'true' } }).catch(() => ({}));
      if (reply.status !== 200) {
        note.textContent = 'The list could not be loaded. Try again.';
        return;
      }
      list.innerHTML = await reply.text();
      list.prepend(...recent.flatMap((href) => links().filter((link) => link.getAttribute('href') === href)));
    }
    narrow();
  };
  field.addEventListener('input', narrow);
  field.addEventListener('keydown', (event) => {
    const [step, all] = [{ ArrowDown: 1, ArrowUp: -1 }[event.key], links()];
    if (step) choose(all.at((all.indexOf(chosen) + step) % all.length));
    else if (event.key === 'Enter' && !event.isComposing) chosen?.click();
    else return;
    event.preventDefault();
  });
  list.addEventListener('click', ({ target }) => {
    const href = target.closest('a')?.getAttribute('href');
    if (href) sessionStorage.palette = [href, ...recent.filter((one) => one !== href)].slice(0, 5).join(' ');
  });
  palette.addEventListener('click', ({ target }) => { if (target === palette) palette.close(); });
  document.addEventListener('keydown', (event) => {
    if (event.key?.toLowerCase() !== 'k' || event.shiftKey || event.altKey || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    if (palette.open) palette.close();
    else open();
  });
  if (/Mac/.test(navigator.userAgent)) opener.lastElementChild.textContent = '⌘K';
  opener.hidden = false;
  opener.addEventListener('click', open);
}
// end of palette

// New key and codes.
// A code is pasted as mails and apps show it. Blanks and invisible marks go; what is no digit stays, and the server says so.
document.addEventListener('input', ({ target }) => {
  if (!target.matches?.('[data-digits]')) return;
  const bare = target.value.replace(/[\s\p{Cf}]/gu, '');
  if (bare !== target.value && /^\d+$/.test(bare)) target.value = bare;
});
// end of new key and codes


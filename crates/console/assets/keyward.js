// What pages gain with JavaScript: times in the reader's zone, copy buttons, a fill-in for the address. Every page works
// without it.
'use strict';

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const minute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

function localTimes(root) {
  for (const time of root.querySelectorAll('time[data-local]')) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = (time.dataset.local === 'day' ? day : minute).format(at);
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
for (const name of ['htmx:afterSwap', 'htmx:after:swap']) document.addEventListener(name, () => localTimes(document));

// A set-up link carries its token behind "#", which no server sees: it goes into the form and out of the address bar.
for (const field of document.querySelectorAll('[data-from-hash]')) {
  if (location.hash.length > 1) {
    field.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname);
  }
}

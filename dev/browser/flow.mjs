// From registering to a deleted key, as a person does it: pages, mails, authenticator, and ccxt between.
import { readFileSync } from 'node:fs';
import { Decrypter, armor } from 'age-encryption';
import { LIMIT_S, balance, loginOf, openScene, sleepless, step, tradeByCcxt, within } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

/** The text of a file that `words` open, read by the implementation of the format's author. */
async function openByAge(sealed, words) {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(words);
  return decrypter.decrypt(armor.decode(sealed), 'text');
}

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
const gateway = credentials.gateway_url;
try {
  const person = await browser.newPerson(credentials, 'newcomer@keyward.example');
  const { page } = person;

  await person.go('/keys');
  step('a stranger is led to the door', page.url().endsWith('/sign-in'));
  await person.register();
  step('registering leads to the authenticator', page.url().endsWith('/security/authenticator'));
  const codes = await person.enrol();
  step('ten recovery codes', codes.length === 10 && new Set(codes).size === 10);
  // A code of the authenticator is good once in 30 seconds; where it need not be one, a recovery code saves the wait.
  person.recovery = codes.slice(0, 4);
  await person.go('/keys');
  await person.go('/security');
  await page.locator('.side details.menu summary').click();
  await person.follow('API');
  step('the avatar menu leads to API', page.url().endsWith('/keys'));

  await person.go('/keys/new');
  const ticked = await page.locator('input[name=permission]:checked').evaluateAll((boxes) => boxes.map((box) => box.value));
  step('only Read is preselected', ticked.join() === 'read' && (await page.locator('.option.danger').innerText()).includes('can take them'));
  const key = await person.createKey({ name: 'TradingBot' });
  step(`the key works after ${await within(gateway, key, '0')} ms`);
  step('the answer is never cached', person.reply.request().method() === 'POST' && person.reply.headers()['cache-control'] === 'no-store');
  step('three credentials', /^[0-9a-f-]{36}$/.test(key.api_key) && key.secret.length >= 43 && key.passphrase === 'Browser-Pass1!');
  await page.locator('summary', { hasText: 'Save to a file' }).click();
  await page.locator('input[name=words]').fill('brass tulip north canoe');
  // Words are made a key by work that is meant to take long.
  const [file] = await Promise.all([page.waitForEvent('download', { timeout: 3 * LIMIT_S * 1000 }), page.getByRole('button', { name: 'Download encrypted' }).click()]);
  const sealed = readFileSync(await file.path(), 'utf8');
  const opened = await openByAge(sealed, 'brass tulip north canoe');
  step('another implementation of age opens the encrypted file', opened === `OKX_API_KEY='${key.api_key}'\nOKX_SECRET='${key.secret}'\nOKX_PASSPHRASE='${key.passphrase}'\n`);
  step('other words leave it closed', await openByAge(sealed, 'brass tulip north canoes').then(() => false, () => !sealed.includes(key.secret)));
  await tradeByCcxt(gateway, key);
  step('ccxt trades with it');

  step('the page holds the secret', (await page.content()).includes(key.secret));
  // A reload sends the form again. For 15 seconds it gets the same answer (docs/decisions/0026), then the key's page.
  await sleepless('the secret is gone on reload', async () => {
    await page.reload();
    return !(await page.content()).includes(key.secret);
  });
  step('it is gone on reload');
  await person.go(`/keys/${key.api_key}`);
  step('the secret is not on its page', !(await page.content()).includes(key.secret));
  step('a key without sockets says so', await person.says('No socket of this key is open.'));
  // A page without an address opens the socket: those of the console may connect to the console only.
  const away = await browser.newPage();
  const told = await away.evaluate(([to, login]) => new Promise((done) => {
    const socket = new WebSocket(to);
    socket.onopen = () => socket.send(login);
    socket.onmessage = ({ data }) => done(data);
    socket.onclose = ({ code }) => { globalThis.ended = true; done(`closed with ${code}`); };
  }), [`${gateway.replace('http', 'ws')}/ws/v5/private`, loginOf(key)]);
  step('a browser logs in on a socket', told.includes('"event":"login"'), told);
  await page.reload();
  step('the page lists it', (await page.locator('[data-sockets] td[data-label="Path"]').allInnerTexts()).join() === 'Private');
  await browser.judge(page, 'an open socket');
  await person.leave('closing the socket', () => page.locator('[data-sockets] form button').click());
  step('closing it leads back', await person.says('The program can connect again as long as its key works.'));
  await sleepless('the socket ends', () => away.evaluate(() => globalThis.ended === true));
  await away.context().close();
  const more = page.locator('details.more');
  await more.locator('summary').click();
  step('the menu has what else can be done', await more.getByRole('link', { name: 'Delete', exact: true }).isVisible());
  await browser.judge(page, 'the menu');
  await page.keyboard.press('Escape');
  step('Escape closes it', !(await more.evaluate((one) => one.open)));
  await person.follow('Settings');
  await page.locator('.clients span', { hasText: 'curl' }).click();
  step('one snippet of four is shown', (await page.locator('.snippet:visible').count()) === 1 && await page.locator('.snippet.of-curl').isVisible());
  step('no setting shows the secret', !(await page.content()).includes(key.secret));
  await page.locator('input[name=tags]').fill('grid');
  await person.press('Save');
  step('saving leads back to the settings', new URL(page.url()).pathname === `/keys/${key.api_key}/settings` && (await page.locator('input[name=tags]').inputValue()) === 'grid');
  await person.go('/keys');
  const used = page.locator('table.keys td[data-label="Last used"]').first();
  await sleepless('the list shows the last use', async () => {
    await page.reload();
    return !(await used.innerText()).includes('never');
  });
  step('the list shows its last use and not its secret', (await used.innerText()).includes('127.0.0.1') && !(await page.content()).includes(key.secret));
  // The rows load anew, but never below an open menu or a selection.
  const row = page.locator('tbody[data-keys] tr').first();
  const load = () => page.locator('tbody[data-keys]').evaluate((rows) => rows.dispatchEvent(new CustomEvent('every')));
  const loaded = () => page.waitForResponse((reply) => reply.url().includes('fragment=rows'));
  // An answer that comes after the one that was not asked for.
  const passed = () => page.evaluate(async () => (await fetch('/palette', { headers: { 'hx-request': 'true' } })).status);
  let loads = 0;
  page.on('request', (one) => { if (one.url().includes('fragment=rows')) loads += 1; });
  await row.locator('summary').click();
  step('a row has a menu', await row.getByRole('link', { name: 'Rotate', exact: true }).isVisible());
  await browser.judge(page, 'the menu of a row');
  loads = 0;
  await load();
  await passed();
  step('an open menu keeps its row', loads === 0 && (await row.getByRole('link', { name: 'Rotate', exact: true }).isVisible()));
  await page.locator('h1').click();
  await row.locator('input[name=key]').check();
  loads = 0;
  await load();
  await passed();
  step('so does a selection', loads === 0 && (await page.locator('[data-selected]').innerText()) === '1 selected');
  await page.getByLabel('Select all keys').uncheck();
  await Promise.all([loaded(), load()]);
  await sleepless('new rows can be copied from', () => row.locator('[data-copy-key]').isVisible());
  await person.leave('sorting by name', () => page.getByRole('link', { name: 'Name and key', exact: true }).click());
  step('a heading sorts the list', new URL(page.url()).search === '?sort=name' && (await page.locator('th[aria-sort=ascending]').innerText()).includes('Name'));

  // What ccxt did above: it placed an order, and cancelled it.
  await person.go(`/keys/${key.api_key}/activity?range=hour`);
  const asked = await page.locator('.requests td[data-label="Request"]').allInnerTexts();
  const placed = asked.map((text) => /^Buy 0\.001 BTC-USDT at 20,000 · accepted, id (\d+)/.exec(text)).find(Boolean)?.[1];
  step('an order is said in words, with its id', placed !== undefined, asked.join(' | '));
  step('so is its cancellation', asked.some((text) => text.startsWith(`Cancel order ${placed} of BTC-USDT · accepted`)), asked.join(' | '));
  await page.locator('.more-filters summary').click();
  await page.locator('input[name=exchange_id]').fill(placed);
  await person.enter('input[name=exchange_id]');
  step('its id finds both', (await page.locator('.requests td[data-label="Verdict"]').allInnerTexts()).join() === 'accepted,accepted'
    && await person.says(`All requests with the exchange order id “${placed}”`));
  await browser.judge(page, 'a search by order id');

  await person.go(`/keys/${key.api_key}/activity?live=yes`);
  step('an old link leads to the live view', new URL(page.url()).pathname === `/keys/${key.api_key}/live`);
  const watched = (of) => of.locator('tbody[data-live] td[data-label="Verdict"]').count();
  const before = await watched(page);
  for (const more of [1, 2]) {
    await balance(gateway, key);
    await sleepless('the live view shows a request', async () => (await watched(page)) === before + more);
  }
  const times = await page.locator('tbody[data-live] time').evaluateAll((all) => all.map((time) => time.dateTime));
  step('the live view adds what is new on top, once', (await page.locator('tbody[data-live] tr.look').count()) === 1
    && times.length === before + 2 && times.every((time, at) => at === 0 || time <= times[at - 1]));
  await browser.judge(page, 'live');
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  const still = await watched(page);
  const look = await page.locator('tr.look').getAttribute('hx-get');
  await balance(gateway, key);
  await sleepless('the request is recorded', () => page.evaluate(async (path) => (await fetch(path)).status === 200, look));
  step('a live view that is paused stands still', (await watched(page)) === still);
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await sleepless('the live view goes on', async () => (await watched(page)) === still + 1);
  await page.locator('tbody[data-live] .details-link').first().click();
  const drawer = page.locator('dialog.drawer');
  await drawer.locator('h2').waitFor();
  step('a request opens beside its list', (await drawer.innerText()).includes('Request id') && new URL(page.url()).pathname.endsWith('/live'));
  await browser.judge(page, 'a request beside its list');
  await page.keyboard.press('Escape');
  step('Escape closes it, and the focus goes back', !(await drawer.isVisible())
    && await page.evaluate(() => document.activeElement.matches('.details-link')));
  const plain = await browser.newPerson(credentials, person.email, { javaScriptEnabled: false, storageState: await page.context().storageState() });
  await plain.go(page.url());
  await balance(gateway, key);
  await sleepless('the link shows a request', async () => {
    await plain.follow('Newer');
    return (await watched(plain.page)) === 1;
  });
  step('without scripts a link does the same');
  await plain.follow('Details of GET /api/v5/account/balance');
  step('and a request has a page', (await plain.heading()) === 'GET /api/v5/account/balance');
  await plain.page.context().close();

  await person.go(`/keys/${key.api_key}/addresses`);
  await page.locator('textarea[name=addresses]').fill('203.0.113.5');
  await person.press('Continue');
  await person.approve('Change the addresses');
  step(`50110 after ${await within(gateway, key, '50110')} ms`);

  await person.go(`/keys/${key.api_key}/addresses`);
  await page.locator('textarea[name=addresses]').fill('127.0.0.1, ::1');
  await person.press('Continue');
  await person.approve('Change the addresses');
  await within(gateway, key, '0');

  await person.go('/keys');
  await person.press('Demo');
  step('demo trading is named, and no live key is listed', (await person.says('Lists show demo keys only.'))
    && (await page.locator('.key-list').count()) === 0);
  await person.press('Live');

  await page.keyboard.press('Control+k');
  await page.locator('.palette [aria-selected=true]').waitFor();
  await browser.judge(page, 'the palette');
  await page.keyboard.press('Escape');
  step('Escape closes the palette', !(await page.locator('#palette').evaluate((palette) => palette.open)));
  await page.keyboard.press('Control+k');
  await page.keyboard.type('rot tradi');
  await person.leave('Enter in the palette', () => page.keyboard.press('Enter'));
  step('the palette leads to an action on a key', page.url().endsWith(`/keys/${key.api_key}/rotate`));
  await page.locator('input[name=passphrase]').fill('Browser-Pass2!');
  await person.press('Continue');
  await person.approve('Create the successor');
  const next = await person.credentials();
  await within(gateway, next, '0');
  step('both keys of a rotation work', (await balance(gateway, key)) === '0' && next.api_key !== key.api_key);

  await person.go(`/keys/${key.api_key}/delete`);
  await person.confirm('Delete the key');
  step(`50119 after ${await within(gateway, key, '50119')} ms`);
  step('the successor still works', (await balance(gateway, next)) === '0');

  await person.go(`/keys/${next.api_key}/disable`);
  await person.confirm('Disable the key');
  step(`50114 after ${await within(gateway, next, '50114')} ms`);
  await person.go(`/keys/${next.api_key}/enable`);
  await person.press('Continue');
  await person.approve('Enable the key');
  await within(gateway, next, '0');
  await person.go('/keys/reach?from=127.0.0.1');
  step('an address tells what a person there could do', (await page.locator('#answer').innerText()).includes('place orders with')
    && await page.getByRole('button', { name: 'Disable this key', exact: true }).isVisible());

  const mails = await person.mails.all();
  const braking = mails.map((mail) => /\/brake\/\S+/.exec(mail.text)).find(Boolean)[0];
  const stranger = await browser.newPerson(credentials, 'nobody@keyward.example');
  await stranger.go(braking);
  await person.go(`/keys/${next.api_key}`);
  step('the link alone brakes nothing', (await page.locator('h1 .state').innerText()) === 'active' && (await balance(gateway, next)) === '0');
  await stranger.press('Disable all keys');
  step(`the brake: 50114 after ${await within(gateway, next, '50114')} ms`);
  step('and it says so', (await stranger.heading()) === 'All API keys are disabled');

  for (const path of ['/alerts', '/alerts/channels', '/alerts/channels/new', '/security', '/security/password', '/security/email',
    '/security/authenticator/off', '/security/recovery-codes', '/trail', '/activity', '/activity/live', '/api', '/dev/mail', '/dev/components', '/keys?ended=yes', '/keys/disable-all', '/keys/delete-unused',
    `/keys/${next.api_key}/leaked`, '/recover', '/found', '/keys/new?purpose=canary', '/keys?unused=30']) await person.go(path);
  await person.go('/trail?kind=keys');
  const record = page.locator('.records > li').first();
  step('records stand under the days of the reader, in sentences', (await page.locator('.day h2').first().innerText()) === 'Today'
    && (await page.locator('.zone').innerText()).includes('your time zone') && (await record.locator('p').innerText()).startsWith('All API keys disabled')
    && /\d\d:\d\d:\d\d\.\d{3} UTC$/.test(await record.locator('time').first().getAttribute('title')));
  await person.go('/keys/disable-selected');
  await person.go('/keys/reach');
  await person.go('/keys?state=disabled');
  await page.locator('tbody[data-keys] input[name=key]').first().check();
  await person.press('Delete selected');
  await person.confirm('Delete these keys');
  step(`selected keys are deleted: 50119 after ${await within(gateway, next, '50119')} ms`);
  await person.go('/nowhere', 404);
  const written = JSON.stringify(await person.mails.all());
  step('no mail holds a secret or passphrase', written.includes(person.email) && ![key.secret, next.secret, 'Browser-Pass'].some((word) => written.includes(word)));
  await person.go('/keys');
  await person.signOut();
  step('signed out', page.url().endsWith('/sign-in'));
  await person.signIn();
  step('signed in again with the next code', page.url().endsWith('/overview'));
  browser.verdict(40);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

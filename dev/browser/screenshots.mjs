// Every page as a picture: light and dark, wide and narrow. The first argument is the folder to write to.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Authenticator, balance, loginOf, openScene, sleepless, within } from './sandbox.mjs';
import { Device, Person, openBrowser } from './person.mjs';

const folder = process.argv[2] ?? 'docs/screenshots';
mkdirSync(folder, { recursive: true });
const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } };

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
const page = await browser.newPage({ timezoneId: 'Europe/Zurich', locale: 'en-GB' });
const context = page.context();
const taken = new Set();

// One for each person, however often they sign in: a code that was used is spent.
const authenticators = {};
function authenticatorOf(name) {
  authenticators[name] ??= new Authenticator(credentials.people[name].totp_secret);
  return authenticators[name];
}

// The page as it stands, in the four combinations, without loading it again: what is shown once stays shown.
async function picture(name) {
  if (taken.has(name)) throw new Error(`there is a picture ${name} already`);
  taken.add(name);
  await browser.judge(page);
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${size}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(SIZES.wide);
  await page.emulateMedia({ colorScheme: 'light' });
}

// Until the page, loaded again and again, shows something.
async function shows(person, path, what) {
  await sleepless(`${what} on ${path}`, async () => {
    await person.go(path);
    return (await page.locator(what).count()) > 0;
  });
}

try {
  const newcomer = new Person(browser, page, credentials, 'newcomer@keyward.example');
  await newcomer.go('/sign-in');
  await picture('sign-in');
  await newcomer.fill('E-mail address', 'nobody@keyward.example');
  await newcomer.fill('Password', 'not the password');
  await newcomer.press('Sign in');
  await picture('sign-in-refused');
  await newcomer.go('/register');
  await picture('register');
  await newcomer.fill('E-mail address', newcomer.email);
  await newcomer.fill('Password', 'password1234');
  await newcomer.press('Continue');
  await picture('register-weak');
  await newcomer.fill('Password', newcomer.password);
  await newcomer.press('Continue');
  await picture('register-code');
  await page.locator('input[name=code]').fill(await newcomer.mails.code());
  await newcomer.press('Create the account');
  await picture('authenticator');
  newcomer.recovery = (await newcomer.enrol());
  newcomer.approvals = 1;
  await picture('recovery-codes');
  await newcomer.go('/overview');
  await picture('overview-new');
  await newcomer.go('/keys');
  await picture('keys-empty');
  await newcomer.go('/alerts');
  await picture('alerts-few');
  await newcomer.go('/keys/new');
  await picture('key-new');
  await page.locator('textarea[name=addresses]').pressSequentially('203.0.113.7, 010.0.0.1, 2001:db8::1/32');
  await page.locator('input[name=passphrase]').pressSequentially('short');
  await page.locator('#live-addresses .bad').first().waitFor();
  await page.locator('#live-passphrase .bad').first().waitFor();
  await picture('key-new-live');
  await page.locator('input[name=name]').fill(' ');
  await page.locator('input[name=name]').evaluate((input) => { input.required = false; });
  await newcomer.press('Continue');
  await picture('key-new-refused');
  await newcomer.go('/keys/new');
  await page.locator('input[name=name]').fill('TradingBot');
  await page.locator('input[value=trade]').check();
  await page.locator('textarea[name=addresses]').fill('127.0.0.1, ::1');
  await page.locator('input[name=passphrase]').fill('Picture-Pass1!');
  await newcomer.press('Continue');
  await picture('step-up');
  await newcomer.approve('Create the key');
  await picture('key-made');

  await Device.beside(page);
  await newcomer.go('/security/passkeys/new');
  await picture('passkey-new');
  await page.locator('input[name=name]').fill('Blue security key');
  await newcomer.press('Continue');
  await picture('passkey-step-up');
  await newcomer.approve('Add the passkey');
  await picture('security-passkeys');
  await newcomer.follow('Rename Blue security key');
  await picture('passkey-rename');
  await newcomer.go('/keys/disable-all');
  await picture('confirm-passkey');
  await newcomer.go('/recover');
  await newcomer.fill('E-mail address', newcomer.email);
  await newcomer.press('Send the code');
  await picture('recover-code');

  const trader = new Person(browser, page, credentials, credentials.people.trader.email);
  trader.password = credentials.people.trader.password;
  trader.authenticator = authenticatorOf('trader');
  await context.clearCookies();
  const key = credentials.keys.trade;
  await within(credentials.gateway_url, key, '0');
  for (let at = 0; at < 6; at += 1) await balance(credentials.gateway_url, key);
  for (const name of ['read', 'unbound', 'bound_elsewhere', 'withdraw']) await balance(credentials.gateway_url, credentials.keys[name]);
  await trader.go('/sign-in');
  await trader.fill('E-mail address', trader.email);
  await trader.fill('Password', trader.password);
  await trader.press('Sign in');
  await picture('second-factor');
  await page.locator('input[name=code]').fill(await trader.authenticator.code());
  await trader.press('Continue');
  // Last uses and alerts follow within seconds.
  await shows(trader, '/alerts', '.alerts li');
  await shows(trader, '/keys', `tr:has(a[href="/keys/${key.api_key}"]) td[data-label="Last used"] time`);
  await picture('keys');
  await page.locator('.side details.menu summary').click();
  await picture('keys-menu');
  await trader.go('/overview');
  await picture('overview');
  await page.keyboard.press('Control+k');
  await page.locator('.palette [aria-selected=true]').waitFor();
  await picture('palette');
  await page.keyboard.press('Escape');
  await trader.press('Demo');
  await picture('overview-demo');
  await trader.press('Live');
  const id = key.api_key;
  for (const [name, path] of [['key', `/keys/${id}`], ['key-app', `/keys/${credentials.keys.app_elsewhere.api_key}`],
    ['key-settings', `/keys/${id}/settings`], ['key-addresses', `/keys/${id}/addresses`], ['key-limits', `/keys/${id}/limits`], ['key-signals', `/keys/${id}/signals`], ['key-rotate', `/keys/${id}/rotate`], ['key-disable', `/keys/${id}/disable`],
    ['key-delete', `/keys/${id}/delete`], ['keys-disable-all', '/keys/disable-all'], ['keys-delete-unused', '/keys/delete-unused'], ['alerts', '/alerts'], ['security', '/security'], ['trail', '/trail'], ['trail-filtered', '/trail?kind=sign-in'],
    ['channels', '/alerts/channels'], ['channel-kinds', '/alerts/channels/new'], ['channel-new', '/alerts/channels/new?kind=webhook'],
    ['security-password', '/security/password'], ['security-email', '/security/email'], ['security-authenticator-off', '/security/authenticator/off'],
    ['api-reference', '/api'], ['mailbox', '/dev/mail'], ['components', '/dev/components'], ['recover', '/recover'], ['found', '/found'], ['key-new-canary', '/keys/new?purpose=canary'], ['nothing-here', '/nowhere'],
    ['activity-key', `/keys/${id}/activity?range=hour`], ['activity-account', '/activity?range=day'],
    ['activity-search', `/keys/${id}/activity?range=day&verdict=refused`], ['live', `/keys/${id}/live`], ['live-account', '/activity/live'],
    ['keys-ended', '/keys?ended=yes&sort=name'], ['keys-unbound', '/keys?bound=no'], ['keys-selected', '/keys/disable-selected'],
    ['sub-accounts', '/sub-accounts'], ['sub-account-new', '/sub-accounts/new'], ['limits', '/limits'], ['approvals', '/approvals'], ['approvals-thresholds', '/approvals/thresholds'],
    ['keys-reach', '/keys/reach'], ['review', '/review'], ['keys-reach-answer', '/keys/reach?from=127.0.0.1']]) {
    await trader.go(path, name === 'nothing-here' ? 404 : 200);
    await picture(name);
  }
  await trader.go(`/keys/${id}/activity?range=hour`);
  const request = page.locator('.details-link').first();
  const its = await request.getAttribute('href');
  await request.click();
  await page.locator('dialog.drawer h2').waitFor();
  await picture('request-beside');
  await trader.go(its);
  await picture('request');
  const away = await browser.newPage();
  const channels = JSON.stringify({ op: 'subscribe', args: [{ channel: 'orders', instType: 'SPOT' }, { channel: 'account' }] });
  await away.evaluate(([to, login, then]) => new Promise((done) => {
    const socket = new WebSocket(to);
    socket.onopen = () => socket.send(login);
    socket.onmessage = ({ data }) => {
      if (data.includes('"event":"login"')) socket.send(then);
      if (data.includes('"event":"subscribe"')) done();
    };
  }), [`${credentials.gateway_url.replace('http', 'ws')}/ws/v5/private`, loginOf(credentials.keys.trade), channels]);
  await trader.go(`/keys/${id}`);
  await picture('key-sockets');
  await away.context().close();
  await trader.go(`/keys/${id}`);
  await page.locator('details.more summary').click();
  await picture('key-menu');
  await trader.go(`/keys/${id}/leaked`);
  await trader.confirm('Disable it now');
  await picture('key-leaked');
  await trader.go(`/keys/${id}/delete`);
  await trader.confirm('Delete the key');
  await picture('key-ended');
  const mails = await newcomer.mails.all();
  await newcomer.go(mails.map((mail) => /\/brake\/\S+/.exec(mail.text)).find(Boolean)[0]);
  await picture('brake');

  await context.clearCookies();
  const officer = new Person(browser, page, credentials, credentials.people.operator.email);
  officer.password = credentials.people.operator.password;
  officer.authenticator = authenticatorOf('operator');
  await officer.signIn();
  for (const [path, name] of [['', 'queue'], ['/accounts', 'accounts'], ['/keys', 'keys'], ['/staff', 'staff'], ['/settings', 'settings'], ['/audit', 'audit'], ['/proposals', 'proposals-none'], ['/reviews', 'reviews']]) {
    await officer.go(`/operations${path}`);
    await picture(`operations-${name}`);
  }
  await officer.go('/operations/accounts?q=trader');
  await officer.leave('following the first name', () => page.locator('a.name').first().click());
  await picture('operations-account');
  await officer.follow('Freeze');
  await picture('operations-freeze');
  await page.goBack();
  await officer.follow('Make them an auditor');
  await picture('operations-propose');
  await officer.press('Continue');
  await page.locator('input[name=mail_code]').fill(await officer.mails.code());
  await page.locator('input[name=factor]').fill(await officer.authenticator.code());
  await officer.press('Propose it');
  await picture('operations-proposal');
  await officer.go('/operations/proposals');
  await picture('operations-proposals');
  await officer.go('/operations/keys?q=frozen');
  await officer.leave('following the first name', () => page.locator('a.name').first().click());
  await picture('operations-key');
  await officer.go('/set-up#kwo_AAAA');
  await picture('operations-set-up');

  // An app from its registration to a holder's key.
  const enter = async (name, on) => {
    const person = new Person(browser, on, credentials, credentials.people[name].email);
    person.password = credentials.people[name].password;
    person.authenticator = authenticatorOf(name);
    await person.signIn();
    return person;
  };
  const second = await enter('operator2', await browser.newPage());
  await context.clearCookies();
  const broker = new Person(browser, page, credentials, 'platform@keyward.example');
  await broker.register();
  broker.recovery = await broker.enrol();
  broker.approvals = 1;
  await broker.go('/apps');
  await picture('apps-none');
  await broker.go('/apps/new');
  await picture('app-new');
  await page.locator('input[name=name]').fill('Trade Pal');
  await page.locator('input[name=home_page]').fill('https://tradepal.example');
  await page.locator('input[value=trade]').check();
  await page.locator('input[type=file]').setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: Buffer.from(await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 200, height: 200 });
    const brush = canvas.getContext('2d');
    brush.fillStyle = '#1d5fd0';
    brush.fillRect(0, 0, 200, 200);
    brush.fillStyle = '#ffffff';
    brush.font = 'bold 120px sans-serif';
    brush.fillText('T', 62, 142);
    return [...new Uint8Array(await (await new Promise((done) => canvas.toBlob(done, 'image/png'))).arrayBuffer())];
  })) });
  await page.locator('[data-picture] img:not([hidden])').waitFor();
  await picture('app-new-filled');
  await broker.press('Continue');
  await picture('app-register');
  await broker.confirm('Register the app');
  await picture('app-draft');
  await broker.press('Submit for review');
  const app = new URL(page.url()).pathname;
  await broker.go(`${app}/ranges`);
  await page.locator('textarea[name=ranges]').fill('203.0.113.0/24, 203.0.113.7/24\n224.0.0.0/24  # by mistake\n2001:db8::/32\n');
  await page.locator('#live-ranges .bad').first().waitFor();
  await picture('app-ranges-refused');
  await page.locator('textarea[name=ranges]').fill('203.0.113.0/24\n2001:db8::/32\n');
  await page.locator('textarea[name=note]').fill('Our two data centres, as in the registry under our name.');
  await page.locator('#live-ranges .plus').first().waitFor();
  await picture('app-ranges');
  await broker.press('Continue');
  await picture('app-ranges-step-up');
  await broker.approve('Submit them');
  await picture('app-waiting');
  await broker.go('/apps');
  await picture('apps');

  await context.clearCookies();
  // The same person as before, who knows which codes were theirs.
  const reviewer = officer;
  await reviewer.signIn();
  const agree = async (link) => {
    await reviewer.follow(link);
    await reviewer.press('Continue');
    await reviewer.approve('Propose it');
    await second.go(page.url().split('?')[0]);
    await second.follow('Approve');
    await second.press('Continue');
    await second.approve('Approve it');
  };
  await reviewer.go('/operations');
  await picture('operations-waiting');
  await reviewer.go('/operations/apps');
  await picture('operations-apps');
  const overseen = `/operations${app}`;
  await reviewer.go(overseen);
  await picture('operations-app');
  await reviewer.go(`${overseen}/ranges`);
  await picture('operations-app-enter');
  await reviewer.go(overseen);
  await agree('Propose to verify it');
  await reviewer.go(overseen);
  await reviewer.press('Read the ranges of version 1');
  await picture('operations-app-ranges');
  await agree('Propose to approve');
  await reviewer.go(`${overseen}/freeze`);
  await picture('operations-app-freeze');

  await context.clearCookies();
  const customer = new Person(browser, page, credentials, 'customer@keyward.example');
  await customer.register();
  customer.recovery = await customer.enrol();
  customer.approvals = 1;
  await customer.go('/keys/new');
  await picture('key-new-purpose');
  await customer.go('/keys/new?purpose=third_party_app');
  await picture('key-apps');
  await customer.follow('Choose Trade Pal');
  await picture('key-new-app');
  await page.locator('input[name=name]').fill('PalBot');
  await page.locator('input[name=passphrase]').fill('Picture-Pass1!');
  await customer.press('Continue');
  await customer.approve('Create the key');
  const bound = await customer.credentials();
  for (let at = 0; at < 3; at += 1) await balance(credentials.gateway_url, bound);
  await shows(customer, `/keys/${bound.api_key}`, '.alarm:has-text("3 times in the last day")');

  await context.clearCookies();
  await reviewer.signIn();
  await reviewer.go(`${overseen}/demand`);
  await picture('operations-app-demand');
  await page.locator('input[name=why]').fill('Their servers were broken into');
  await reviewer.confirm('Demand successors');
  await picture('operations-app-demanded');
  await context.clearCookies();
  await customer.signIn();
  await customer.go('/keys');
  await picture('keys-app');
  await customer.go(`/keys/${bound.api_key}`);
  await picture('key-app-demand');
  await context.clearCookies();
  await broker.signIn();
  await broker.go(app);
  await picture('app');
  await broker.go(`${app}/freeze`);
  await picture('app-freeze');
  console.log(`${taken.size} pages, each in ${2 * Object.keys(SIZES).length} pictures, in ${folder}`);
  browser.verdict(60);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

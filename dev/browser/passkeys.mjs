// A person with a passkey and nothing else beside the mailbox: Chromium's virtual authenticator is the device.
import { openScene, sleepless, step } from './sandbox.mjs';
import { Device, PASSPHRASE, PASSWORD, openBrowser } from './person.mjs';

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
try {
  const person = await browser.newPerson(credentials, 'passkeys@keyward.example');
  const { page } = person;
  const device = await Device.beside(page);
  const noted = async (text) => {
    const note = page.locator('[data-passkey-note]');
    await note.waitFor();
    return (await note.innerText()).includes(text);
  };
  const click = (button) => page.getByRole('button', { name: button, exact: true }).click();
  // On the sign-in page with the address field's question open: what is asked next meets it.
  const signOut = async () => {
    const before = device.count('field');
    await person.signOut();
    await device.after(before, 'field');
  };

  await person.register();
  await person.go('/security');
  await person.follow('Add a passkey');
  await page.locator('input[name=name]').fill('Laptop');
  await person.press('Continue');
  step('ten recovery codes', (await page.locator('.codes code').count()) === 10);
  const { credentials: kept } = await device.send('WebAuthn.getCredentials');
  step('the device keeps it for this site', kept.length === 1 && kept[0].isResidentCredential && kept[0].rpId === 'localhost');
  await person.go('/security');
  step('it is listed', (await page.getByText('Laptop').count()) === 1);
  await person.follow('Rename Laptop');
  await page.locator('input[name=name]').fill('Blue laptop');
  await person.press('Rename it');
  step('it is renamed', (await page.getByText('Blue laptop').count()) === 1);
  await person.follow('Add a passkey');
  await page.locator('input[name=name]').fill('The same laptop');
  await click('Continue');
  step('the device has one already', await noted('has a passkey for your account'));

  await signOut();
  step('the address field offers passkeys', (await page.locator('input[name=email]').getAttribute('autocomplete')) === 'username webauthn');
  await person.press('Sign in with a passkey');
  step('signed in with it alone', person.inside);

  await signOut();
  const before = device.count('field');
  device.touches.field = true;
  // The answer may come before the page has loaded.
  await page.goto(`${person.url}/sign-in`, { waitUntil: 'commit' });
  await sleepless('the person is signed in', async () => person.inside);
  await page.waitForLoadState();
  step('signed in from the address field, nothing pressed', device.count('field') === before + 1);
  device.touches.field = false;

  await signOut();
  await device.verifies(false);
  device.meanwhile = async (kind) => {
    if (kind !== 'field') return;
    await device.verifies(true);
    device.touches.field = true;
  };
  await person.press('Sign in with a passkey');
  step('when the device refuses the button, the field offers again', person.inside);
  device.touches.field = false;
  device.meanwhile = async () => {};

  await signOut();
  const questions = '**/sign-in/passkey/options';
  await page.route(questions, (route) => route.fulfill({ status: 429, body: 'Too much at once' }));
  await click('Sign in with a passkey');
  step('what the server refuses is not blamed on the device', await noted('The server could not start'));
  await page.unroute(questions);

  // Pressed before the browser has said whether it can offer in the field, and the server is slow to answer the button. Then
  // the field's question must not be open when the button's arrives, which the browser would refuse.
  let [may, pressed] = [];
  const [offer, press] = [new Promise((go) => { may = go; }), new Promise((go) => { pressed = go; })];
  device.meanwhile = (kind) => (kind === 'offer' ? offer : null);
  await page.route(questions, async (route) => {
    if (!/field=./.test(route.request().postData())) await press;
    await route.continue();
  });
  await person.go('/sign-in');
  await person.leave('pressing at once', async () => {
    await click('Sign in with a passkey');
    may();
    // Time enough for the field's question, if it comes.
    for (let at = 0; at < 5; at += 1) await page.evaluate(async () => (await fetch('/healthz')).text());
    pressed();
  });
  step('the button may be pressed before the field offers', person.inside);
  await page.unroute(questions);
  device.meanwhile = async () => {};

  await signOut();
  await person.signIn();
  step('after the password it is asked for', page.url().endsWith('/sign-in/factor'));
  await person.press('Use a passkey');
  step('signed in with it second', person.inside);

  await person.go('/keys/new');
  await page.locator('input[name=name]').fill('Bot');
  await page.locator('textarea[name=addresses]').fill('127.0.0.1, ::1');
  await page.locator('input[name=passphrase]').fill(PASSPHRASE);
  await person.press('Continue');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await person.press('Use a passkey');
  const key = await person.credentials();
  step('a key, approved by mail and passkey', key.secret.length >= 43);

  await person.go(`/keys/${key.api_key}/disable`);
  await person.press('Use a passkey');
  step('the key is disabled on the passkey', (await page.locator('.note').innerText()).includes('disabled'));

  await person.go(`/keys/${key.api_key}/addresses`);
  await page.locator('textarea[name=addresses]').fill('127.0.0.1');
  await person.press('Continue');
  await person.press('Use a passkey');
  step('the addresses are narrowed on the passkey', (await page.locator('.note').innerText()).includes('addresses are changed'));

  // A program in the page: signed in with the passkey, it tightens with the passkey.
  const said = await page.evaluate(async (id) => {
    let token = '';
    const call = async (method, path, body) => {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
      const reply = await fetch(`/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
      return { status: reply.status, ...(await reply.json().catch(() => ({}))) };
    };
    const ask = async ({ ceremony, options }) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      return { ceremony, credential: (await navigator.credentials.get({ publicKey })).toJSON() };
    };
    token = (await call('POST', '/session/passkey', { passkey: await ask(await call('POST', '/session/passkey/options')) })).token;
    const wish = { name: 'Bot' };
    const asked = await call('POST', `/keys/${id}/leaked`, wish);
    const passkey = await ask(asked.passkey);
    const other = await call('DELETE', `/keys/${id}`, { ...wish, passkey });
    const first = await call('POST', `/keys/${id}/leaked`, { ...wish, passkey: await ask((await call('POST', `/keys/${id}/leaked`, wish)).passkey) });
    return [asked.code, other.code, first.status].join(' ');
  }, key.api_key);
  step('a program tightens with it, and nothing else', said === 'factor_required factor_wrong 200', said);

  await device.verifies(false);
  await person.go(`/keys/${key.api_key}/enable`);
  await person.press('Continue');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await click('Use a passkey');
  step('nobody verified', await noted('The device provided no passkey'));
  await device.verifies(true);
  await person.go(`/keys/${key.api_key}`);
  step('nothing done', (await page.locator('h1 .state').innerText()) === 'disabled');

  await signOut();
  await person.follow('Forgot your password?');
  await person.fill('E-mail address', person.email);
  await person.press('Send the code');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  const asked = device.count('button');
  await click('Use a passkey');
  await page.locator('input[name=password]:focus').waitFor();
  person.password = 'brass-tulip-88-north-canoe';
  await page.locator('input[name=password]').fill(person.password);
  let waiting = false;
  device.meanwhile = async (kind) => {
    if (kind === 'button') waiting = await page.getByRole('button', { name: 'Use a passkey', exact: true }).isDisabled();
  };
  await person.press('Use a passkey');
  step('no device is asked before there is a password', device.count('button') === asked + 1);
  step('the button waits for the device', waiting);
  step('the password is reset by mail and passkey', (await page.locator('h1').innerText()) === 'The password is changed');
  device.meanwhile = async () => {};
  await person.signIn();
  await person.press('Use a passkey');
  step('signed in with the new one', person.inside);

  await person.go('/security');
  await person.follow('Remove Blue laptop');
  await person.press('Continue');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await person.press('Use a passkey');
  step('without it two-factor sign-in is off', (await page.locator('.note').innerText()).includes('Two-factor sign-in is off'));
  await person.go('/keys');
  browser.verdict(22);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

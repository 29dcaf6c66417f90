// A person with a passkey and nothing else beside the mailbox: Chromium's virtual authenticator is the device.
import { startSandbox, step } from './sandbox.mjs';
import { PASSPHRASE, PASSWORD, Person, openBrowser } from './person.mjs';
import axe from 'axe-core';

const sandbox = await startSandbox();
const { credentials } = sandbox;
const browser = await openBrowser();
let failed = false;
try {
  const page = await (await browser.newContext()).newPage();
  const complaints = [];
  page.on('console', (line) => { if (line.type() === 'error' && /Content Security|Refused|policy/i.test(line.text())) complaints.push(line.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  const person = new Person(page, credentials, 'passkeys@keyward.example');
  const faults = [];
  const accessible = async (name) => {
    await page.evaluate(axe.source).catch(() => page.addScriptTag({ content: axe.source }));
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    for (const one of violations) faults.push(`${name}: ${one.id}: ${one.nodes[0].html}`);
  };
  // Whether somebody is there to touch the device: on the sign-in page it would answer the address field by itself.
  const present = (enabled) => devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
  const signOut = async () => {
    await present(false);
    await page.locator('details.menu summary').click();
    await person.press('Sign out');
  };
  // The device answers some time after the click; its form goes off then.
  const answer = async (button) => {
    await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: button, exact: true }).click()]);
    await page.waitForLoadState();
  };

  await person.register();
  await person.go('/security');
  await accessible('security without passkeys');
  await page.getByRole('link', { name: 'Add a passkey' }).click();
  await page.locator('input[name=name]').fill('Laptop');
  await accessible('new passkey');
  await answer('Continue');
  step('the mail is asked for', (await person.heading()) === 'Add this passkey?');
  await accessible('adding');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await page.locator('input[name=factor]').fill(PASSWORD);
  await person.press('Add the passkey');
  step('ten recovery codes', (await page.locator('.codes code').count()) === 10);
  const { credentials: kept } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
  step('the device keeps it for this site', kept.length === 1 && kept[0].isResidentCredential && kept[0].rpId === 'localhost');
  await person.go('/security');
  step('it is listed', (await page.getByText('Laptop').count()) === 1);
  await accessible('security with a passkey');
  await page.getByRole('link', { name: 'Rename Laptop' }).click();
  await accessible('renaming');
  await page.locator('input[name=name]').fill('Blue laptop');
  await person.press('Rename it');
  step('it is renamed', (await page.getByText('Blue laptop').count()) === 1);

  await signOut();
  await accessible('sign in');
  step('the address field offers passkeys', (await page.locator('input[name=email]').getAttribute('autocomplete')) === 'username webauthn');
  await present(true);
  await answer('Sign in with a passkey');
  step('signed in with it alone', page.url().endsWith('/keys'));

  await signOut();
  await present(true);
  await Promise.all([page.waitForURL('**/keys'), page.reload()]);
  step('signed in from the address field, nothing pressed');

  await signOut();
  await person.signIn();
  await present(true);
  step('after the password it is asked for', page.url().endsWith('/sign-in/factor'));
  await accessible('second factor');
  await answer('Use a passkey');
  step('signed in with it second', page.url().endsWith('/keys'));

  await person.go('/keys/new');
  await page.locator('input[name=name]').fill('Bot');
  await page.locator('textarea[name=addresses]').fill('127.0.0.1, ::1');
  await page.locator('input[name=passphrase]').fill(PASSPHRASE);
  await person.press('Continue');
  await accessible('step-up');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await answer('Use a passkey');
  const key = await person.credentials();
  step('a key, approved by mail and passkey', key.secret.length >= 43);

  await person.go(`/keys/${key.api_key}/disable`);
  await accessible('disable');
  await answer('Use a passkey');
  step('the key is disabled on the passkey', (await page.locator('.note').innerText()).includes('disabled'));

  await person.go(`/keys/${key.api_key}/addresses`);
  await page.locator('textarea[name=addresses]').fill('127.0.0.1');
  await person.press('Continue');
  await accessible('narrowing');
  await answer('Use a passkey');
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
  step('a program tightens with it, and nothing else', said === 'factor_required factor_wrong 200');

  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await person.go(`/keys/${key.api_key}/enable`);
  await person.press('Continue');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await page.getByRole('button', { name: 'Use a passkey', exact: true }).click();
  await page.getByText('The device gave no passkey').waitFor();
  step('nobody verified, nothing done');
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });

  await signOut();
  await page.getByRole('link', { name: 'Lost your password?' }).click();
  await person.fill('E-mail address', person.email);
  await person.press('Send the code');
  await accessible('resetting');
  await present(true);
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await page.getByRole('button', { name: 'Use a passkey', exact: true }).click();
  step('no device is asked before there is a password', (await page.locator('input[name=password]:invalid').count()) === 1);
  person.password = 'brass-tulip-88-north-canoe';
  await page.locator('input[name=password]').fill(person.password);
  await present(false);
  const reset = page.waitForURL('**/sign-in?note=reset');
  await page.getByRole('button', { name: 'Use a passkey', exact: true }).click();
  await present(true);
  await reset;
  await present(false);
  step('the password is reset by mail and passkey');
  await person.signIn();
  await present(true);
  await answer('Use a passkey');
  step('signed in with the new one', page.url().endsWith('/keys'));

  await person.go('/security');
  await page.getByRole('link', { name: 'Remove Blue laptop' }).click();
  await accessible('before removing');
  await person.press('Continue');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await answer('Use a passkey');
  step('without it two-factor sign-in is off', (await page.locator('.note').innerText()).includes('Two-factor sign-in is off'));
  step(`the pages are accessible ${faults.join('; ')}`, faults.length === 0);
  step(`no complaint of the browser ${complaints.join('; ')}`, complaints.length === 0);
} catch (problem) {
  failed = true;
  console.error(problem);
} finally {
  await browser.close();
  step('the sandbox ends with 0', (await sandbox.stop()) === 0);
}
process.exit(failed ? 1 : 0);

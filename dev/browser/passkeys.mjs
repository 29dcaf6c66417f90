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

  await page.locator('details.menu summary').click();
  await person.press('Sign out');
  await accessible('sign in');
  await answer('Sign in with a passkey');
  step('signed in with it alone', page.url().endsWith('/keys'));

  await page.locator('details.menu summary').click();
  await person.press('Sign out');
  await person.signIn();
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

  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await person.go(`/keys/${key.api_key}/enable`);
  await person.press('Continue');
  await page.locator('input[name=mail_code]').fill(await person.mails.code());
  await page.getByRole('button', { name: 'Use a passkey', exact: true }).click();
  await page.getByText('The device gave no passkey').waitFor();
  step('nobody verified, nothing done');
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });

  await person.go('/security');
  await page.getByRole('link', { name: 'Remove Laptop' }).click();
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

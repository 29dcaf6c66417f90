// From registering to a deleted key, as a person does it: pages, mails, authenticator, and ccxt between.
import { balance, sleepless, startSandbox, step, tradeByCcxt, within } from './sandbox.mjs';
import { Person, openBrowser } from './person.mjs';
import { readFileSync } from 'node:fs';
import axe from 'axe-core';

const sandbox = await startSandbox();
const { credentials } = sandbox;
const gateway = credentials.gateway_url;
const browser = await openBrowser();
let failed = false;
try {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (line) => { if (line.type() === 'error' && /Content Security|Refused/.test(line.text())) complaints.push(line.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const person = new Person(page, credentials, 'newcomer@keyward.example');

  const seen = new Set();
  const faults = [];
  const accessible = async (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    await page.evaluate(axe.source).catch(() => page.addScriptTag({ content: axe.source }));
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    // All pages are looked at before the run fails, so that one run tells everything.
    for (const one of violations) faults.push(`${name}: ${one.id}: ${one.nodes[0].html}`);
  };

  await person.go('/keys');
  step('a stranger is led to the door', page.url().endsWith('/sign-in'));
  await accessible('sign in');
  await person.go('/register');
  await accessible('register');
  await person.register();
  step('registering leads to the authenticator', page.url().endsWith('/security/authenticator'));
  await accessible('authenticator');
  const codes = await person.enrol();
  step('ten recovery codes', codes.length === 10 && new Set(codes).size === 10);
  // A code of the authenticator is good once in 30 seconds; where it need not be one, a recovery code saves the wait.
  person.recovery = codes.slice(0, 4);
  await accessible('recovery codes');
  await person.go('/keys');
  await accessible('keys, empty');
  await page.locator('details.menu summary').click();
  await page.getByRole('link', { name: 'API', exact: true }).click();
  step('the avatar menu leads to API', page.url().endsWith('/keys'));

  await person.go('/keys/new');
  await accessible('new key');
  const ticked = await page.locator('input[name=permission]:checked').evaluateAll((boxes) => boxes.map((box) => box.value));
  step('only Read is preselected', ticked.join() === 'read' && (await page.locator('.option.danger').innerText()).includes('can take them'));
  const key = await person.createKey({ name: 'TradingBot' });
  step('three credentials', /^[0-9a-f-]{36}$/.test(key.api_key) && key.secret.length >= 43 && key.passphrase === 'Browser-Pass1!');
  await accessible('made');
  await page.locator('summary', { hasText: 'Save to a file' }).click();
  await page.locator('input[name=words]').fill('brass tulip north canoe');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download encrypted' }).click()]);
  const sealed = readFileSync(await file.path(), 'utf8');
  step('the encrypted file is one', sealed.startsWith('-----BEGIN AGE ENCRYPTED FILE-----') && !sealed.includes(key.secret));
  const once = await page.content();
  step('the answer is never cached', once.includes(key.secret) && (await page.evaluate(async () => (await fetch(location.href)).headers.get('cache-control'))) === 'no-store');
  step(`the key works after ${await within(gateway, key, '0')} ms`);
  tradeByCcxt(gateway, key);
  step('ccxt trades with it');

  await page.reload();
  step('it is gone on reload', !(await page.content()).includes(key.secret));
  await person.go(`/keys/${key.api_key}`);
  step('the secret is not on its page', !(await page.content()).includes(key.secret));
  await accessible('key');
  await person.go('/keys');
  const used = page.locator('table.keys td[data-label="Last used"]').first();
  await sleepless('the list shows the last use', 6, async () => {
    await page.reload();
    return !(await used.innerText()).includes('never');
  });
  step('the list shows its last use and not its secret', (await used.innerText()).includes('127.0.0.1') && !(await page.content()).includes(key.secret));
  await accessible('keys');

  await person.go(`/keys/${key.api_key}/activity?live=yes`);
  const watched = (of) => of.locator('tbody[data-live] td[data-label="Verdict"]').count();
  const before = await watched(page);
  for (const more of [1, 2]) {
    await balance(gateway, key);
    await sleepless('the live view shows a request', 6, async () => (await watched(page)) === before + more);
  }
  step('the live view adds what is new on top, once', (await page.locator('tbody[data-live] tr.look').count()) === 1);
  await accessible('live view');
  const plain = await (await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() })).newPage();
  await plain.goto(page.url());
  await balance(gateway, key);
  await sleepless('the link shows a request', 6, async () => {
    await plain.getByRole('link', { name: 'Newer' }).click();
    return (await watched(plain)) === 1;
  });
  step('without scripts a link does the same');
  await plain.context().close();

  await person.go(`/keys/${key.api_key}/addresses`);
  await page.locator('textarea[name=addresses]').fill('203.0.113.5');
  await person.press('Continue');
  await accessible('step-up');
  await person.approve('Change the addresses');
  step(`50110 after ${await within(gateway, key, '50110')} ms`);

  await person.go(`/keys/${key.api_key}/addresses`);
  await page.locator('textarea[name=addresses]').fill('127.0.0.1, ::1');
  await person.press('Continue');
  await person.approve('Change the addresses');
  await within(gateway, key, '0');

  await person.go(`/keys/${key.api_key}/rotate`);
  await page.locator('input[name=passphrase]').fill('Browser-Pass2!');
  await person.press('Continue');
  await person.approve('Make the successor');
  const next = await person.credentials();
  await within(gateway, next, '0');
  step('both keys of a rotation work', (await balance(gateway, key)) === '0' && next.api_key !== key.api_key);

  await person.go(`/keys/${key.api_key}/delete`);
  await accessible('delete');
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

  const mails = await person.mails.all();
  const braking = mails.map((mail) => /\/brake\/\S+/.exec(mail.text)).find(Boolean)[0];
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(credentials.console_url + braking);
  step('the link alone brakes nothing', (await balance(gateway, next)) === '0');
  await stranger.getByRole('button', { name: 'Disable all keys' }).click();
  step(`the brake: 50114 after ${await within(gateway, next, '50114')} ms`);

  for (const path of ['/alerts', '/security', '/trail', '/api', '/dev/mail', '/keys?ended=yes', '/nowhere', '/recover']) {
    await person.go(path);
    await accessible(path);
  }
  const secrets = [key.secret, next.secret];
  step('no mail holds a secret or passphrase', !JSON.stringify(await person.mails.all()).match(new RegExp([...secrets, 'Browser-Pass'].join('|'))));
  step(`${seen.size} pages are accessible ${faults.join('; ')}`, faults.length === 0 && seen.size > 15);
  step(`no complaint of the browser ${complaints.join('; ')}`, complaints.length === 0);
  await person.go('/keys');
  await page.locator('details.menu summary').click();
  await person.press('Sign out');
  await person.signIn();
  step('signed in again with the next code', page.url().endsWith('/keys'));
} catch (problem) {
  failed = true;
  console.error(problem);
} finally {
  await browser.close();
  step('the sandbox ends with 0', (await sandbox.stop()) === 0);
}
process.exit(failed ? 1 : 0);

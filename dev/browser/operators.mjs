// Two operators give a third person a role, in Chromium; what must be refused is refused.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authenticator, startSandbox, step, within } from './sandbox.mjs';
import { Person, openBrowser } from './person.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const data = mkdtempSync(join(tmpdir(), 'keyward-operators-'));
const sandbox = await startSandbox(['--data', data]);
// Somebody at the host, beside the server.
const host = (verb) => spawnSync(process.env.KEYWARD_BIN, ['master-key', verb, '--data', data], { encoding: 'utf8' });
const { credentials } = sandbox;
const browser = await openBrowser();

async function enter(name) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('console', (said) => { if (said.text().includes('Content Security Policy')) throw new Error(said.text()); });
  const known = credentials.people[name];
  const person = new Person(page, credentials, known.email);
  person.password = known.password;
  person.authenticator = new Authenticator(known.totp_secret);
  await person.signIn();
  return person;
}

async function clean(person, name) {
  await person.page.evaluate(axe);
  const { violations } = await person.page.evaluate(() => window.axe.run());
  step(`axe finds nothing on ${name}`, violations.length === 0 || (console.log(JSON.stringify(violations)), false));
}

// Mail and authenticator: a code that was used to sign in is spent, so this takes the next.
async function approve(person, button) {
  await person.page.locator('input[name=mail_code]').fill(await person.mails.code());
  await person.page.locator('input[name=factor]').fill(await person.authenticator.code());
  await person.press(button);
}

const follow = async (person, name) => {
  await person.page.getByRole('link', { name, exact: true }).click();
  await person.page.waitForLoadState();
};

try {
  const [ann, ben, trader] = [await enter('operator'), await enter('operator2'), await enter('trader')];
  await trader.go('/operations');
  step('nobody else has such pages', (await trader.heading()) === 'There is no such page');
  step('nor a link to them', (await trader.page.getByRole('link', { name: 'Operations' }).count()) === 0);

  await ann.go('/operations');
  await clean(ann, 'the overview');
  await ann.go('/operations/accounts?q=trader');
  await clean(ann, 'the accounts');
  await follow(ann, credentials.people.trader.email);
  await clean(ann, 'an account');
  const account = ann.page.url();
  await follow(ann, 'Make them an auditor');
  await ann.press('Continue');
  await approve(ann, 'Propose it');
  const proposal = ann.page.url().split('?')[0];
  await clean(ann, 'a proposal');
  step('it waits for another operator', (await ann.page.locator('.state.open').count()) === 1
    && (await ann.page.getByText('You proposed this, so another operator must approve it.').count()) === 1);
  await ann.page.goto(`${proposal}/approve`);
  step("the requester's own approval is refused",
    (await ann.page.getByText('whoever proposes a change does not count', { exact: false }).count()) === 1);

  step('the other is told by mail', (await ben.mails.all()).some((mail) => mail.subject.includes('waits for your approval')));
  await ben.page.goto(proposal);
  await follow(ben, 'Approve');
  const shown = await ben.page.locator('input[name=hash]').inputValue();
  // What is approved is what was read: another hash is another proposal.
  await ben.page.locator('input[name=hash]').evaluate((field) => { field.value = '0'.repeat(64); });
  await ben.press('Continue');
  step('a changed proposal is refused',
    (await ben.page.getByText('has changed since it was made', { exact: false }).count()) === 1 && shown.length === 64);
  await ben.page.goto(proposal);
  await follow(ben, 'Approve');
  await ben.press('Continue');
  await approve(ben, 'Approve it');
  step('the second operator approves, and it is carried out', (await ben.page.locator('.state.done').count()) === 1);
  await trader.go('/operations');
  step('the third has the role', (await trader.heading()) === 'Operations');
  await trader.page.goto(account);
  step('and only looks', (await trader.page.getByRole('link', { name: 'Freeze' }).count()) === 0);

  const again = await ben.page.evaluate(async (path) => {
    const page = new DOMParser().parseFromString(await (await fetch('/security')).text(), 'text/html');
    const csrf = page.querySelector('input[name=csrf]').value;
    return (await fetch(path, { method: 'POST', body: new URLSearchParams({ csrf }) })).text();
  }, `${new URL(proposal).pathname}/carry-out`);
  step('a second execution is refused', again.includes('was carried out or cancelled already'));

  // A third operator, so that one can leave; what the one who left approved counts for nothing.
  await ann.page.goto(account);
  await follow(ann, 'Make them an operator');
  await ann.press('Continue');
  await approve(ann, 'Propose it');
  const second = ann.page.url().split('?')[0];
  await ben.page.goto(second);
  await follow(ben, 'Approve');
  await ben.press('Continue');
  await approve(ben, 'Approve it');
  step('the third is an operator', (await ben.page.locator('.state.done').count()) === 1);
  await trader.page.goto(`${credentials.console_url}/operations/keys?q=unbound`);
  await follow(trader, 'unbound');
  await clean(trader, 'a key');
  await follow(trader, 'Freeze');
  await trader.page.locator('input[name=why]').fill('drill');
  await trader.confirm('Freeze the key');
  step('one operator freezes a key', (await trader.page.locator('h1 .state.frozen').count()) === 1);
  await within(credentials.gateway_url, credentials.keys.unbound, '50100');
  step('and the gateway refuses it');
  await follow(trader, 'Propose to lift the freeze');
  await trader.press('Continue');
  await approve(trader, 'Propose it');
  const third = trader.page.url().split('?')[0];
  await ann.go('/operations/staff');
  await clean(ann, 'the staff');
  await ann.page.getByRole('link', { name: `Take away the role of ${credentials.people.operator2.email}` }).click();
  await ann.confirm('Take it away');
  await ben.page.goto(`${third}/approve`);
  step("a removed member's approval is refused", (await ben.heading()) === 'There is no such page');
  await ann.page.goto(third);
  await follow(ann, 'Approve');
  await ann.press('Continue');
  await approve(ann, 'Approve it');
  step('an operator who is one still approves', (await ann.page.locator('.state.done').count()) === 1);
  await within(credentials.gateway_url, credentials.keys.unbound, '0');
  step('and the key works again');

  const next = host('new').stdout.trim();
  step('the host makes the next master key', /^[0-9a-f]{16}$/.test(next));
  step('and cannot put it in place alone', host('rotate').status === 1);
  await ann.go('/operations/settings');
  await ann.page.locator('#next-master-key').fill(next);
  await ann.page.locator('#next-master-key').press('Enter');
  await ann.page.waitForLoadState();
  await ann.press('Continue');
  await approve(ann, 'Propose it');
  const fourth = ann.page.url().split('?')[0];
  step('nor when it is only proposed', host('rotate').status === 1);
  await trader.page.goto(fourth);
  await follow(trader, 'Approve');
  await trader.press('Continue');
  await approve(trader, 'Approve it');
  step('once it is approved, the page says what is to be done at the host',
    (await trader.page.getByText('keyward master-key rotate').first().count()) === 1
    && (await trader.page.getByRole('button', { name: 'Carry it out' }).count()) === 0);
  await clean(trader, 'an approved master key');
  step('the host puts it in place', host('rotate').status === 0 && host('show').stdout.trim() === next);
  await trader.page.reload();
  step('the proposal is done', (await trader.page.locator('.state.done').count()) === 1);
  await within(credentials.gateway_url, credentials.keys.unbound, '0');
  step('and the server goes on');
  await ann.go('/operations/settings');
  await clean(ann, 'the settings');
  await ann.page.locator('#v-operators_needed').fill('1');
  await ann.page.locator('#v-operators_needed').press('Enter');
  await ann.page.waitForLoadState();
  step('a looser policy becomes a proposal', (await ann.heading()) === 'Propose this change?');
  await ann.go('/set-up#kwo_token');
  step('the token of a set-up link goes into the form', (await ann.page.locator('input[name=token]').inputValue()) === 'kwo_token'
    && !ann.page.url().includes('kwo_'));
  await clean(ann, 'the set-up');
} finally {
  await browser.close();
  step('the sandbox stops', (await sandbox.stop()) === 0);
  rmSync(data, { recursive: true, force: true });
}

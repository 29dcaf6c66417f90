// Two operators give a third person a role, in Chromium; what must be refused is refused.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScene, sleepless, step, within } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const data = mkdtempSync(join(tmpdir(), 'keyward-operators-'));
const scene = await openScene({ extra: ['--data', data], browser: openBrowser });
const { credentials, browser } = scene;
scene.closing.unshift(async () => rmSync(data, { recursive: true, force: true }));
// Somebody at the host, beside the server.
const host = (verb) => spawnSync(process.env.KEYWARD_BIN, ['master-key', verb, '--data', data], { encoding: 'utf8' });
const refused = (ran, why) => ran.status === 1 && ran.stderr.includes(why);

// Mail and authenticator: a code that was used to sign in is spent, so this takes the next.
async function approve(person, button) {
  await person.page.locator('input[name=mail_code]').fill(await person.mails.code());
  await person.page.locator('input[name=factor]').fill(await person.authenticator.code());
  await person.press(button);
}

try {
  const [ann, ben, trader] = [await browser.signedIn(credentials, 'operator'), await browser.signedIn(credentials, 'operator2'), await browser.signedIn(credentials, 'trader')];
  await trader.go('/operations', 404);
  step('nobody else has such pages', (await trader.heading()) === 'Page not found');
  step('nor a link to them', (await trader.page.getByRole('link', { name: 'Operations' }).count()) === 0);

  await ann.go('/operations');
  await ann.go('/operations/accounts?q=trader');
  await ann.follow(credentials.people.trader.email);
  const account = ann.page.url();
  await ann.follow('Make them an auditor');
  await ann.press('Continue');
  await approve(ann, 'Propose it');
  const proposal = ann.page.url().split('?')[0];
  step('it waits for another operator', (await ann.page.locator('.state.open').count()) === 1
    && (await ann.page.getByText('You proposed this, so another operator must approve it.').count()) === 1);
  await ann.go('/operations');
  step("it is in the requester's queue, as what waits for others", (await ann.page.locator('.queue', { hasText: 'Waits for others' }).getByRole('link', { name: /^Open: / }).count()) === 1
    && await ann.says('Nothing waits for you.'));
  await ann.go(`${proposal}/approve`, 422);
  step("the requester's own approval is refused",
    (await ann.page.getByText('you cannot approve your own proposal', { exact: false }).count()) === 1);

  await sleepless('a mail to the other', async () => (await ben.mails.all()).some((mail) => mail.subject.includes('needs your approval')));
  step('the other is told by mail');
  await ben.go('/operations');
  await ben.leave('the button of the queue', () => ben.page.locator('.queue').first().getByRole('link', { name: /^Review: Make / }).click());
  step('the queue of the other leads to it', ben.page.url() === proposal);
  await ben.follow('Approve');
  const shown = await ben.page.locator('input[name=hash]').inputValue();
  // What is approved is what was read: another hash is another proposal.
  await ben.page.locator('input[name=hash]').evaluate((field) => { field.value = '0'.repeat(64); });
  await ben.press('Continue');
  step('a changed proposal is refused',
    (await ben.page.getByText('has changed since it was made', { exact: false }).count()) === 1 && shown.length === 64);
  await ben.go(proposal);
  await ben.follow('Approve');
  await ben.press('Continue');
  await approve(ben, 'Approve it');
  step('the second operator approves, and it is carried out', (await ben.page.locator('.state.done').count()) === 1);
  await trader.go('/operations');
  step('the third has the role', (await trader.heading()) === 'Work queue' && await trader.says('Nothing waits for the operators.'));
  step('and a way back', (await trader.page.getByRole('link', { name: 'Back to my keys' }).count()) === 1);
  await trader.go(account);
  step('and only looks', (await trader.page.getByRole('link', { name: 'Freeze' }).count()) === 0);

  const again = await ben.page.evaluate(async (path) => {
    const page = new DOMParser().parseFromString(await (await fetch('/security')).text(), 'text/html');
    const csrf = page.querySelector('input[name=csrf]').value;
    return (await fetch(path, { method: 'POST', body: new URLSearchParams({ csrf }) })).text();
  }, `${new URL(proposal).pathname}/carry-out`);
  step('a second execution changes nothing', again.includes('class="state done"') && !again.includes('Carry it out'));

  // A third operator, so that one can leave; who has left approves nothing.
  await ann.go(account);
  await ann.follow('Make them an operator');
  await ann.press('Continue');
  await approve(ann, 'Propose it');
  const second = ann.page.url().split('?')[0];
  await ben.go(second);
  await ben.follow('Approve');
  await ben.press('Continue');
  await approve(ben, 'Approve it');
  step('the third is an operator', (await ben.page.locator('.state.done').count()) === 1);
  await trader.go('/operations/keys?q=unbound');
  await trader.follow('unbound');
  await trader.follow('Freeze');
  await trader.page.locator('input[name=why]').fill('drill');
  await trader.confirm('Freeze the key');
  step('one operator freezes a key', (await trader.page.locator('h1 .state.frozen').count()) === 1);
  await within(credentials.gateway_url, credentials.keys.unbound, '50100');
  step('and the gateway refuses it');
  await trader.follow('Propose to lift the freeze');
  await trader.press('Continue');
  await approve(trader, 'Propose it');
  const third = trader.page.url().split('?')[0];
  await ann.go('/operations/staff');
  await ann.follow(`Revoke the role of ${credentials.people.operator2.email}`);
  await ann.confirm('Revoke the role');
  await ben.go(`${third}/approve`, 404);
  step("a removed member's approval is refused", (await ben.heading()) === 'Page not found');
  await ann.go(third);
  await ann.follow('Approve');
  await ann.press('Continue');
  await approve(ann, 'Approve it');
  step('an operator who is one still approves', (await ann.page.locator('.state.done').count()) === 1);
  await within(credentials.gateway_url, credentials.keys.unbound, '0');
  step('and the key works again');

  const next = host('new').stdout.trim();
  step('the host makes the next master key', /^[0-9a-f]{16}$/.test(next));
  const alone = host('rotate');
  step('and cannot put it in place alone', refused(alone, 'no operator has proposed'), alone.stderr);
  await ann.go('/operations/settings');
  await ann.page.locator('#next-master-key').fill(next);
  await ann.enter('#next-master-key');
  await ann.press('Continue');
  await approve(ann, 'Propose it');
  const fourth = ann.page.url().split('?')[0];
  const proposed = host('rotate');
  step('nor when it is only proposed', refused(proposed, '0 of 1 approvals'), proposed.stderr);
  await trader.go(fourth);
  await trader.follow('Approve');
  await trader.press('Continue');
  await approve(trader, 'Approve it');
  step('once it is approved, the page says what is to be done at the host',
    (await trader.page.getByText('keyward master-key rotate').first().count()) === 1
    && (await trader.page.getByRole('button', { name: 'Carry it out' }).count()) === 0);
  step('the host puts it in place', host('rotate').status === 0 && host('show').stdout.trim() === next);
  await trader.page.reload();
  step('the proposal is done', (await trader.page.locator('.state.done').count()) === 1);
  await within(credentials.gateway_url, credentials.keys.unbound, '0');
  step('and the server goes on');
  await ann.go('/operations/settings');
  await ann.page.locator('#v-operators_needed').fill('1');
  await ann.enter('#v-operators_needed');
  step('a looser policy becomes a proposal', (await ann.heading()) === 'Propose this change?');
  await ann.go('/set-up#kwo_token');
  step('the token of a set-up link goes into the form', (await ann.page.locator('input[name=token]').inputValue()) === 'kwo_token'
    && !ann.page.url().includes('kwo_'));
  await ann.go('/keys');
  browser.verdict(24);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

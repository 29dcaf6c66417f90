// The monthly review with fifty keys: a person in Chromium, whose clicks are counted.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScene, sleepless, step } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const KEYS = 50;
const CLICKS = 12;

const data = mkdtempSync(join(tmpdir(), 'keyward-review-'));
const scene = await openScene({ browser: openBrowser, extra: ['--data', data] });
scene.closing.push(async () => rmSync(data, { recursive: true, force: true }));
const { credentials, browser } = scene;

// Keys are made at the host: fifty step-ups would take five hours of codes. Each is bound, limited and young.
const host = (...words) => execFileSync(process.env.KEYWARD_BIN, words, { stdio: 'ignore' });
const make = (email, name, ...more) => host('key', 'create', '--data', data, '--account', email, '--name', name,
  '--permission', 'read', '--permission', 'trade', '--limits', '{"max_order_value": "500"}', ...more);

try {
  const person = await browser.newPerson(credentials, 'review@keyward.example');
  const { page } = person;
  let clicks = 0;
  await page.exposeFunction('clicked', () => { clicks += 1; });
  await page.addInitScript(() => document.addEventListener('click', () => globalThis.clicked(), true));
  await person.register();
  await person.enrol();
  for (let at = 1; at < KEYS; at += 1) make(person.email, `bot ${at}`, '--ip', `203.0.113.${at}`);
  await person.go('/overview');
  step('the overview says when the review is due', await person.says('Review due in'));

  clicks = 0;
  make(person.email, `bot ${KEYS}`, '--ip', '203.0.113.50');
  await person.follow('Review');
  step('nothing waits for a decision', await person.says(`${KEYS} keys could be better. They are kept unless you choose otherwise.`));
  await person.press('Finish the review');
  step('the question says what is kept', await person.says(`Keep ${KEYS} API keys as they are`));
  await person.confirm('Finish the review');
  step('the review is recorded', await person.says('The review is recorded.') && await person.says(`${KEYS} keys, 0 changed`));
  step(`a review of ${KEYS} keys takes at most ${CLICKS} clicks when all is well`, clicks > 0 && clicks <= CLICKS, `${clicks} clicks`);
  await browser.judge(page, 'review recorded');

  host('key', 'delete', '--data', data, '--yes', (await page.locator('.name').first().getAttribute('href')).split('/').pop());
  make(person.email, 'loose');
  await person.go('/review');
  step('an unbound key waits for a decision', await person.says('Can trade from any address') && await person.says('1 to decide'));
  await browser.judge(page, 'review to decide');
  await page.getByRole('button', { name: 'Finish the review' }).click();
  step('the browser asks for the answer', (await page.locator('input[type=radio]:invalid').count()) > 0);
  await page.locator('section.reviewed', { hasText: 'loose' }).getByLabel('Delete', { exact: true }).check();
  await person.press('Finish the review');
  step('the question warns', await person.says('This cannot be undone'));
  await person.confirm('Finish the review');
  await sleepless('the key is gone', async () => { await person.go('/keys?q=loose&state=ended'); return person.says('deleted'); });
  step('the answer is done');
  browser.verdict(4);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

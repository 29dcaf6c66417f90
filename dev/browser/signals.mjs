// Signals of a key, from the first withdrawal to the quarantine: a person in Chromium, and ccxt between.
import { byCcxt, openScene, sleepless, step, within } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
const gateway = credentials.gateway_url;
const ADDRESS = 'bc1qkeywardsandbox0000000000000000000000';

try {
  const trader = await browser.signedIn(credentials, 'trader');
  const { page } = trader;
  const key = await trader.createKey({ name: 'Payout', rights: ['read', 'withdraw'] });
  await within(gateway, key, '0');
  const withdrawal = () => byCcxt(gateway, key, `withdraw('BTC', 0.01, '${ADDRESS}', {'fee': 0.0001})`);
  const first = await withdrawal();
  step('a withdrawal passes', first === 'ok', first);
  const card = page.locator('li.card', { hasText: 'used for its first withdrawal' });
  await sleepless('its alert is there', async () => {
    await trader.go('/alerts');
    return (await card.count()) === 1;
  });
  const text = await card.innerText();
  step('the alert says what was seen', text.includes('POST /api/v5/asset/withdrawal from 127.0.0.1'), text);
  const links = await card.getByRole('link').allInnerTexts();
  const wanted = ['See its requests', 'Stop trading', 'Disable', 'Rotate', 'Change addresses'];
  step('and what can be done', wanted.every((label) => links.includes(label)), links.join('; '));
  const created = page.locator('li.card', { hasText: 'An API key was created' });
  step('what the person did is not new', !(await created.first().getAttribute('class')).includes('new'));
  await browser.judge(page, 'alerts with remedies');

  await trader.leave('answering', () => card.getByRole('button', { name: 'It was me' }).click());
  step('the answer ends the question', (await card.getByRole('button', { name: 'It was me' }).count()) === 0);
  await trader.leave('stopping', () => card.getByRole('link', { name: 'Stop trading' }).click());
  await trader.confirm('Stop trading');
  step('the key is in quarantine', await trader.says('quarantine: reads and cancels only'));
  await sleepless('a second withdrawal is refused', async () => (await withdrawal()).includes('50120'));

  await trader.go(`/keys/${key.api_key}/settings`);
  step('the settings say that it still learns', await trader.says('It learns what is usual from the first five days of use'));
  await trader.leave('choosing', () => page.getByRole('link', { name: 'Change the signals' }).click());
  step('every signal is told at first', (await page.locator('[name=told]:checked').count()) === 6);
  await browser.judge(page, 'signals');
  await page.locator('[name=told][value=burst]').uncheck();
  await trader.press('Continue');
  step('the question says what is not told', await trader.says('Not told: Far more requests than usual.'));
  await trader.confirm('Save');
  step('one signal is not told any more', await trader.says('Your choice is saved.') && await trader.says('Far more requests than usual.'));
  browser.verdict(8);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

// Limits of a key, from the form to the refused order: a person in Chromium, and ccxt between.
import { byCcxt, openScene, sleepless, step, within } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
const gateway = credentials.gateway_url;
const order = (pair, amount, price) => `create_order('${pair}', 'limit', 'buy', ${amount}, ${price})`;

try {
  const trader = await browser.signedIn(credentials, 'trader');
  const { page } = trader;
  const limits = { limit_instruments: 'BTC-USDT', limit_order: '500', limit_day: '1000' };

  await trader.go('/keys/new');
  await trader.limit({ ...limits, limit_order: '5,00' });
  await sleepless('the summary says what is wrong', () => trader.says('Correct its limits.'));
  await trader.limit(limits);
  await sleepless('the summary says the limits', () => trader.says('Limit: at most 500 USD an order.'));
  step('the summary follows the limits');
  const key = await trader.createKey({ name: 'Fenced', limits });
  await within(gateway, key, '0');
  await sleepless('prices are known', async () => (await byCcxt(gateway, key, `create_order('BTC/USDT', 'market', 'sell', 99)`)).includes('max_order_value'));
  step('one order passes', (await byCcxt(gateway, key, order('BTC/USDT', 0.02, 20000))) === 'ok');
  for (const [what, call, error] of [
    ['another instrument', order('ETH/USDT', 0.1, 1000), 'BadSymbol'],
    ['an order of 600 USD', order('BTC/USDT', 0.03, 20000), 'InvalidOrder'],
    ['a market order with a price that is passed over', `create_order('BTC/USDT', 'market', 'sell', 0.5, None, {'px': '1'})`, 'InvalidOrder'],
  ]) {
    const said = await byCcxt(gateway, key, call);
    step(`${what} is refused`, said.startsWith(error) && said.includes("refused by this key's limit"), said);
  }
  step('a second order passes', (await byCcxt(gateway, key, order('BTC/USDT', 0.02, 20000))) === 'ok');
  const third = await byCcxt(gateway, key, order('BTC/USDT', 0.02, 20000));
  step('a third is more than the day', third.startsWith('InvalidOrder') && third.includes('daily_value'), third);

  await trader.go(`/keys/${key.api_key}`);
  step('the page has the limits', await trader.says('Trades only BTC-USDT.') && await trader.says('At most 500 USD an order.'));
  step('and what is used of them', await trader.says('800 of 1,000 USD') && (await page.locator('progress.warn').getAttribute('value')) === '80');
  await browser.judge(page, 'limits');
  await sleepless('the refused order is in the activity', async () => {
    await trader.go(`/keys/${key.api_key}/activity`);
    return trader.says("refused by this key's limit daily_value");
  });
  step('the activity says why');

  const change = `/keys/${key.api_key}/limits`;
  await trader.go(change);
  step('the form shows them', (await page.locator('[name=limit_day]').inputValue()) === '1000');
  await trader.limit({ limit_order: '0' });
  await trader.press('Continue');
  step('a wrong number is told beside its field', (await page.locator('.field.wrong [name=limit_order]').count()) === 1 && await trader.says('Enter a number above 0'));
  await browser.judge(page, 'limits refused');
  await trader.limit({ limit_order: '100' });
  await trader.press('Continue');
  await trader.confirm('Change the limits');
  step('stricter limits take one factor', await trader.says('The limits are changed.') && await trader.says('At most 100 USD an order.'));
  await sleepless('the gateway follows', async () => (await byCcxt(gateway, key, order('BTC/USDT', 0.006, 20000))).includes('(100 USD)'));
  step('the gateway follows');
  await trader.go(change);
  await trader.limit({ limit_day: '2000' });
  await trader.press('Continue');
  await trader.approve('Change the limits');
  step('a wider one takes a code by mail too', await trader.says('880 of 2,000 USD') || await trader.says('800 of 2,000 USD'));

  await trader.go(`/keys/${key.api_key}/settings`);
  await trader.follow('Stop trading');
  await trader.confirm('Stop trading');
  step('the key is in quarantine', await trader.says('quarantine: reads and cancels only'));
  await sleepless('its orders are refused', async () => (await byCcxt(gateway, key, order('BTC/USDT', 0.001, 20000))).includes('50120'));
  step('it reads still', (await byCcxt(gateway, key, 'fetch_balance()')) === 'ok');
  await trader.go(`/keys/${key.api_key}/settings`);
  await trader.follow('Lift');
  await trader.press('Continue');
  await trader.approve('Lift the quarantine');
  step('the quarantine is lifted', !(await trader.says('quarantine: reads')));
  browser.verdict(15);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

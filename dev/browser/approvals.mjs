// A sub-account's transfers, from ccxt to the master account: a person in Chromium decides, and ccxt tries between.
import { byCcxt, openScene, sleepless, step } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const scene = await openScene({ extra: ['--raise-rates', '1000'], browser: openBrowser });
const { credentials, browser } = scene;
const gateway = credentials.gateway_url;
const sub = credentials.keys.sub;
let count = 0;
// Each has another id of the client's own.
const transfer = (amount) => byCcxt(gateway, sub, `transfer('USDT', ${amount}, 'funding', 'spot', {'clientId': 'c${count += 1}'})`);
const waits = (said) => said.includes('"code":"90450"') && said.includes('waits for the approval of the master account');
const numberOf = (said) => /"approvalId":"(\d+)"/.exec(said)?.[1];

try {
  const trader = await browser.signedIn(credentials, 'trader');
  const { page } = trader;
  await trader.go('/approvals');
  step('nothing waits at first', await trader.says('Nothing waits'));
  const first = await transfer(12.5);
  step('a transfer by ccxt is refused with a number', waits(first) && Boolean(numberOf(first)), first);

  await trader.go('/overview');
  step('the overview says that it waits', await trader.says('A request of a program waits for your approval.'));
  await trader.follow('Approve or refuse');
  step('the page says what it moves', await trader.says('from probeSub01 (funding) to the same sub-account (trading)') && await trader.says('12.5 USDT'));
  step('and who asks', await trader.says('127.0.0.1') && await trader.says(numberOf(first)));
  await sleepless('the mail', async () => (await trader.mails.all()).some((mail) => mail.text.includes('12.5 USDT from probeSub01')));
  step('a mail says the same');
  await browser.judge(page, 'one waits');
  await trader.press('Approve selected');
  step('the step-up says what is approved', await trader.says('12.5 USDT from probeSub01'));
  await trader.approve('Approve');
  step('it is approved', await trader.says('Approved. Each request passes once') && await trader.says('Take back'));

  const other = await transfer(12.51);
  step('another amount waits by itself', waits(other) && numberOf(other) !== numberOf(first), other);
  const passed = await transfer(12.5);
  step('the repeat passes', passed === 'ok', passed);
  const third = await transfer(12.5);
  step('the third waits again', waits(third) && numberOf(third) !== numberOf(first), third);

  await trader.go('/approvals');
  step('two wait, one was used', await trader.says('12.51 USDT') && (await page.locator('.state', { hasText: 'used' }).count()) === 1);
  await browser.judge(page, 'two wait');
  await trader.press('Approve selected');
  step('a selection is asked for', await trader.says('Select at least one request.'));
  await page.getByRole('checkbox').first().check();
  await trader.press('Continue');
  // This code is for an approval that is not given.
  await trader.mails.code();
  await trader.go('/approvals');
  for (const box of await page.getByRole('checkbox').all()) await box.check();
  await trader.press('Refuse selected');
  await trader.confirm('Refuse');
  step('both are refused', await trader.says('Refused. The programs are told') && await trader.says('Nothing waits'));
  const refused = await transfer(12.51);
  step('ccxt is told', refused.includes('"code":"90451"'), refused);

  await trader.follow('Change thresholds');
  await page.locator('[name=thresholds]').fill('0 USDT');
  await trader.press('Continue');
  step('a threshold of nothing is refused', await trader.says('A threshold is more than 0'));
  await page.locator('[name=thresholds]').fill('100 USDT');
  await trader.press('Continue');
  await trader.approve('Change the thresholds');
  step('a threshold takes a code by mail', await trader.says('Up to 100 USDT a day'));
  for (const amount of [40, 41]) {
    const small = await transfer(amount);
    step(`a transfer of ${amount} passes without asking`, small === 'ok', small);
  }
  const beyond = await transfer(42);
  step('what goes beyond the sum of the day waits', waits(beyond), beyond);
  await trader.go('/approvals');
  step('the page says what is used', await trader.says('81 used today'));
  await trader.go('/approvals/thresholds');
  await page.locator('[name=thresholds]').fill('');
  await trader.press('Continue');
  await trader.confirm('Change the thresholds');
  step('none takes one factor', await trader.says('You are asked about every transfer.'));

  // A key that administers sub-accounts asks for more than it has.
  const { manage } = credentials.keys;
  const wish = "private_post_users_subaccount_apikey({'subAcct': 'probeSub01', 'label': 'Anywhere', 'passphrase': 'Browser-Pass1!', 'perm': 'read_only'})";
  const asked = await byCcxt(gateway, manage, wish);
  step('a key without addresses waits', waits(asked), asked);
  await trader.go('/approvals');
  step('the page says what would change', await trader.says('Create the API key “Anywhere” (live)') && await trader.says('It works from: anywhere'));
  step('and why it waits', await trader.says('It needs your approval because it works from addresses that the key'));
  await browser.judge(page, 'a change waits');
  for (const box of await page.getByRole('checkbox').all()) {
    const change = (await box.locator('xpath=..').innerText()).includes('Anywhere');
    await box.setChecked(change);
  }
  await trader.press('Approve selected');
  await trader.approve('Approve');
  step('the change is approved', await trader.says('Approved. Each request passes once'));
  const made = await byCcxt(gateway, manage, wish);
  step('the key is created', made === 'ok', made);
  const again = await byCcxt(gateway, manage, wish);
  step('once', again.includes('"code":"59502"'), again);
  await trader.go('/trail');
  step('the audit log names the key that did it', await trader.says('The API key manage'));
  browser.verdict(9);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

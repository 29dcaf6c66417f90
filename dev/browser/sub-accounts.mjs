// A sub-account from its creation to a member who leaves: two people in Chromium, and ccxt between.
import { byCcxt, openScene, sleepless, step, within } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
const gateway = credentials.gateway_url;

try {
  const trader = await browser.signedIn(credentials, 'trader');
  const { page } = trader;
  const stripe = page.locator('aside.acting');

  await trader.go('/sub-accounts');
  await trader.follow('Create a sub-account');
  await trader.fill('Name', 'two words');
  await trader.press('Continue');
  step('a wrong name is told beside its field', await trader.says('6 to 20 letters and digits') && (await page.locator('.field.wrong [name=name]').count()) === 1);
  await browser.judge(page, 'a wrong name');
  await trader.fill('Name', 'alpha01');
  await page.locator('[name=label]').fill('Market maker');
  await trader.press('Continue');
  await trader.confirm('Create the sub-account');
  step('it is in the list', await trader.says('Market maker') && await trader.says('read, trade, funding'));
  await browser.judge(page, 'the list of sub-accounts');

  await page.getByRole('row', { name: /alpha01/ }).getByRole('button', { name: 'Act for it: alpha01' }).click();
  await stripe.waitFor();
  step('every page says who is acted for', (await stripe.textContent()).includes('Sub-account alpha01') && (await page.locator('.menu.account summary').textContent()).includes('alpha01'));
  const key = await trader.createKey({ name: 'Alpha' });
  await within(gateway, key, '0');
  const own = await byCcxt(gateway, key, 'fetch_balance()');
  step('its key reads its own funds', own === 'ok', own);
  await trader.go('/keys');
  step('the list has its key alone', await trader.says('Alpha') && (await page.locator('tbody tr').count()) === 1);
  await browser.judge(page, 'keys of a sub-account');
  await stripe.getByRole('button', { name: 'Back to your main account' }).click();
  await sleepless('the way back', async () => (await stripe.count()) === 0);
  step('the way back', (await page.locator('.menu.account summary').textContent()).includes('Main account'));

  await trader.go('/sub-accounts');
  await trader.follow('alpha01');
  await browser.judge(page, 'one sub-account');
  await page.getByRole('link', { name: 'Change what its keys may do' }).click();
  await page.getByRole('checkbox', { name: 'Trade' }).uncheck();
  await trader.press('Continue');
  step('the page says which key may do more', await trader.says('The key “Alpha” may do more.'));
  await trader.confirm('Change it');
  await within(gateway, key, '50100');
  step('less takes one factor, and the gateway follows');
  await page.getByRole('link', { name: 'Change what its keys may do' }).click();
  await page.getByRole('checkbox', { name: 'Trade' }).check();
  await trader.press('Continue');
  await trader.approve('Change it');
  await within(gateway, key, '0');
  step('more takes a code by mail, and the key works again');

  await trader.follow('Freeze');
  await trader.confirm('Freeze the sub-account');
  await within(gateway, key, '50100');
  step('a freeze refuses its keys', await trader.says('Frozen since'));
  await browser.judge(page, 'a frozen sub-account');
  await trader.follow('Unfreeze');
  await trader.press('Continue');
  await trader.approve('Unfreeze the sub-account');
  await within(gateway, key, '0');
  step('they work again');

  await trader.follow('Invite a member');
  const member = await browser.signedIn(credentials, 'broker');
  await page.locator('[name=email]').fill(member.email);
  await trader.press('Continue');
  await trader.approve('Send the invitation');
  await member.go('/sub-accounts');
  step('the invited user sees it', await member.says('You are invited to “alpha01”'));
  await browser.judge(member.page, 'an invitation');
  await member.follow('Accept');
  await member.confirm('Accept');
  step('and accepts', await member.says('Sub-accounts of others'));
  await member.page.getByRole('button', { name: 'Act for it: alpha01' }).click();
  step('a member sees its keys', await member.says('Alpha') && await member.says('You administer it as a member.'));
  await browser.judge(member.page, 'a member');
  await trader.go('/sub-accounts');
  await trader.follow('alpha01');
  await page.getByRole('button', { name: `Remove ${member.email}` }).click();
  await trader.confirm('Remove');
  await member.go('/keys');
  step('a removed member is signed out', member.page.url().endsWith('/sign-in'));
  browser.verdict(8);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

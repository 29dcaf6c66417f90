// From nothing to a first trade, counted: clicks, typed fields and codes, with an authenticator and with a passkey
// (docs/decisions/0030). And what a hurried person does: a second click 120 ms after the first, over a slow line.
import { Authenticator, balance, openScene, sleepless, step, tradeByCcxt, within } from './sandbox.mjs';
import { Device, PASSPHRASE, PASSWORD, openBrowser } from './person.mjs';

const MOST = { clicks: 9, fields: 8 };

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
const gateway = credentials.gateway_url;

// Does what a person does by hand, and counts it.
class Counted {
  constructor(person) {
    this.person = person;
    this.page = person.page;
    Object.assign(this, { clicks: 0, fields: 0, codes: 0 });
  }

  async type(name, text) {
    this.fields += 1;
    await this.page.locator(`input[name=${name}]`).fill(text);
  }

  async code(name, text) {
    this.codes += 1;
    await this.page.locator(`input[name=${name}]`).fill(text);
  }

  async click(locator) {
    this.clicks += 1;
    await locator.click();
  }

  press(name) {
    this.clicks += 1;
    return this.person.press(name);
  }

  follow(name) {
    this.clicks += 1;
    return this.person.follow(name);
  }

  told() { return `${this.clicks} clicks, ${this.fields} fields, ${this.codes} codes`; }
}

// From the door to the page with the secret; gives the credentials.
async function comeIn(counted, secondFactor, approve) {
  const { person, page } = counted;
  await person.go('/');
  await counted.follow('Create an account');
  await counted.type('email', person.email);
  await counted.type('password', PASSWORD);
  await counted.press('Continue');
  await counted.code('code', await person.mails.code());
  await counted.press('Create the account');
  await secondFactor();
  step('ten recovery codes', (await page.locator('.codes code').count()) === 10);
  await counted.follow('I have stored them');
  step('the codes lead to the first key', page.url().endsWith('/keys/new'));
  await counted.type('name', 'TradingBot');
  await counted.click(page.locator('input[name=permission][value=trade]'));
  await sleepless('the summary follows the form', async () => (await page.locator('#live-summary').innerText()).includes('place, change and cancel orders'));
  await counted.click(page.getByRole('button', { name: 'Use my current address' }));
  await sleepless('the summary names the address', async () => (await page.locator('#live-summary').innerText()).includes('works only from 127.0.0.1'));
  await counted.type('passphrase', PASSPHRASE);
  await counted.press('Continue');
  await counted.code('mail_code', await person.mails.code());
  await approve();
  return person.credentials();
}

try {
  const ann = await browser.newPerson(credentials, 'first@keyward.example');
  const first = new Counted(ann);
  let authenticator;
  let spare = [];
  const key = await comeIn(first, async () => {
    authenticator = new Authenticator(await ann.page.locator('input[name=secret]').inputValue());
    await first.code('code', await authenticator.code());
    await first.press('Continue');
    spare = await ann.page.locator('.codes code').allInnerTexts();
  }, async () => {
    await first.code('factor', await authenticator.code());
    await first.press('Create the key');
  });
  await within(gateway, key, '0');
  await tradeByCcxt(gateway, key);
  await sleepless('the page with the secret sees the first request', async () => (await ann.says('The first request was seen')));
  step(`with an authenticator: ${first.told()}`, first.clicks <= MOST.clicks && first.fields <= MOST.fields && first.codes <= 4);

  const bea = await browser.newPerson(credentials, 'first-passkey@keyward.example');
  const second = new Counted(bea);
  await Device.beside(bea.page);
  const other = await comeIn(second, () => second.press('Create a passkey'), () => second.press('Use a passkey'));
  await within(gateway, other, '0');
  await tradeByCcxt(gateway, other);
  step(`with a passkey: ${second.told()}`, second.clicks <= MOST.clicks && second.fields <= MOST.fields && second.codes <= 2);

  // A pasted code, as mails and apps show it.
  await ann.go('/keys/new');
  await ann.page.locator('input[name=name]').fill('Second');
  await ann.page.locator('textarea[name=addresses]').fill('127.0.0.1');
  await ann.page.locator('input[name=passphrase]').fill(`${PASSPHRASE}2`);
  await ann.press('Continue');
  const boxes = ann.page.locator('input[name=mail_code]');
  await boxes.fill(' 1234\u00a05678\u200b');
  step('blanks of a pasted code go', (await boxes.inputValue()) === '12345678');
  await boxes.fill('1234 567x');
  step('what is no digit stays, for the server to name', (await boxes.inputValue()) === '1234 567x');

  // Two clicks over a slow line end where one does.
  for (const scripted of [true, false]) {
    const words = scripted ? 'with scripts' : 'without scripts';
    const state = await ann.page.context().storageState();
    const hurried = await browser.newPerson(credentials, ann.email, { javaScriptEnabled: scripted, storageState: state });
    const { page } = hurried;
    const line = await page.context().newCDPSession(page);
    const speed = (latency) => line.send('Network.emulateNetworkConditions', { offline: false, latency, downloadThroughput: -1, uploadThroughput: -1 });
    const twice = async (name) => {
      await speed(400);
      const button = page.getByRole('button', { name, exact: true });
      await button.scrollIntoViewIfNeeded();
      const box = await button.boundingBox();
      await hurried.leave(`two clicks on "${name}"`, async () => {
        await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
        await new Promise((go) => setTimeout(go, 120));
        await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      });
      await page.waitForLoadState('networkidle');
      await speed(0);
    };
    const approve = async (button) => {
      await page.locator('input[name=mail_code]').fill(await ann.mails.code());
      // A recovery code saves the wait for the next code of the authenticator.
      await page.locator('input[name=factor]').fill(spare.pop());
      await twice(button);
    };
    await hurried.go('/keys/new');
    const name = `Hurried${scripted ? '' : 'Plain'}`;
    await page.locator('input[name=name]').fill(name);
    await page.locator('textarea[name=addresses]').fill('127.0.0.1');
    await page.locator('input[name=passphrase]').fill(`${PASSPHRASE}${name}`);
    await twice('Continue');
    await approve('Create the key');
    const made = await hurried.credentials();
    await within(gateway, made, '0');
    step(`creating, ${words}: one key, and its secret is shown`, (await balance(gateway, made)) === '0');

    await hurried.go(`/keys/${made.api_key}/rotate`);
    await page.locator('input[name=passphrase]').fill(`${PASSPHRASE}${name}2`);
    await twice('Continue');
    await approve('Create the successor');
    const next = await hurried.credentials();
    await within(gateway, next, '0');
    step(`rotating, ${words}: one successor, and its secret is shown`, next.api_key !== made.api_key);

    await hurried.go('/alerts/channels/new?kind=webhook');
    await page.locator('input[name=name]').fill(name);
    await page.locator('input[name=url]').fill('https://receiver.example/alerts');
    await twice('Continue');
    await approve('Add the channel');
    step(`a webhook, ${words}: its secret is shown`, (await page.content()).includes('whsec_'));
    await hurried.go('/alerts/channels');
    step('there is one of it', (await page.getByRole('link', { name, exact: true }).count()) === 1);

    await hurried.go('/security/recovery-codes');
    await twice('Continue');
    await approve('Make new codes');
    spare = await page.locator('.codes code').allInnerTexts();
    step(`recovery codes, ${words}: ten, once`, spare.length === 10);
    await page.context().close();
  }
  browser.verdict(5);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

// Every page on a phone that is 390 px wide: nothing sticks out, no picture is broken, and what a finger hits is 44 px high.
import { balance, openScene, sleepless, step, within } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const WIDTH = 390;
const TARGET = 44;
// Links within a sentence are no targets of their own (WCAG 2.5.5), so only what stands alone is measured.
const TARGETS = 'button, .button, select, textarea, summary, input, .side nav a, .brand, .tabs a, .links a, .crumbs a, .do a, .foot a';

// What is wrong with the page as it stands, in words.
function faults([width, target, targets]) {
  const found = [];
  if (document.documentElement.scrollWidth > width) found.push(`${document.documentElement.scrollWidth} px wide`);
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest('.quiet, .skip');
  for (const image of document.images) {
    if (seen(image) && !(image.complete && image.naturalWidth > 0)) found.push(`a broken picture: ${image.outerHTML}`);
  }
  for (const one of document.querySelectorAll(targets)) {
    if (!seen(one) || one.type === 'hidden') continue;
    // A box is as large as the label around it.
    const hit = ['checkbox', 'radio'].includes(one.type) ? one.closest('label') ?? one : one;
    const { height } = hit.getBoundingClientRect();
    if (height < target - 0.5) found.push(`${Math.round(height)} px high: ${one.outerHTML.slice(0, 120)}`);
  }
  return found;
}

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;
const gateway = credentials.gateway_url;
try {
  const phone = { viewport: { width: WIDTH, height: 844 }, hasTouch: true, isMobile: true };
  const person = await browser.newPerson(credentials, 'phone@keyward.example', phone);
  const { page } = person;
  const wrong = [];
  let looked = 0;
  const look = async (name) => {
    looked += 1;
    for (const fault of await page.evaluate(faults, [WIDTH, TARGET, TARGETS])) wrong.push(`${name}: ${fault}`);
  };
  const visit = async (path, status = 200) => {
    await person.go(path, status);
    await look(path);
  };

  for (const path of ['/sign-in', '/register', '/recover', '/found']) await visit(path);
  await person.register();
  await look('the authenticator');
  person.recovery = (await person.enrol()).slice(0, 4);
  await look('the recovery codes');
  await visit('/keys');
  const key = await person.createKey({ name: 'A bot whose name is rather long, for a phone' });
  await look('a new key');
  await within(gateway, key, '0');
  await sleepless('its page shows the request', async () => {
    await person.go(`/keys/${key.api_key}`);
    return (await page.getByText('/api/v5/account/balance').count()) > 0;
  });
  await balance(gateway, key);
  const paths = ['/overview', '/keys', '/keys/new', '/keys/disable-all', '/keys/delete-unused', '/keys/disable-selected', '/keys/reach', '/keys/reach?from=127.0.0.1', '/keys/reach?from=nonsense', `/keys/${key.api_key}`, `/keys/${key.api_key}?from=nonsense`, `/keys/${key.api_key}/settings`, `/keys/${key.api_key}/activity`,
    `/keys/${key.api_key}/addresses`, `/keys/${key.api_key}/limits`, `/keys/${key.api_key}/rotate`, `/keys/${key.api_key}/disable`, `/keys/${key.api_key}/leaked`, `/keys/${key.api_key}/live`, '/activity', '/activity/live', '/review',
    '/alerts', '/alerts/channels', '/alerts/channels/new', '/alerts/channels/new?kind=webhook', '/apps', '/apps/new', '/security',
    '/security/password', '/security/email', '/security/authenticator', '/trail', '/api', '/dev/mail', '/dev/components'];
  for (const path of paths) await visit(path, path.includes('nonsense') ? 422 : 200);
  await visit('/nowhere', 404);

  // Parts that are folded up are there too.
  for (const path of ['/keys/new', '/security', `/keys/${key.api_key}`, `/keys/${key.api_key}/settings`, `/keys/${key.api_key}/activity`, '/trail']) {
    await person.go(path);
    await page.evaluate(() => document.querySelectorAll('main details').forEach((one) => { one.open = true; }));
    await look(`${path}, unfolded`);
  }
  await person.go(`/keys/${key.api_key}/activity`);
  const request = page.locator('.details-link').first();
  const its = await request.getAttribute('href');
  await request.click();
  await page.locator('dialog.drawer h2').waitFor();
  await look('a request beside its list');
  await visit(its);
  await person.go('/keys');
  await page.locator('tbody[data-keys] summary').first().click();
  await look('the menu of a row');
  await person.go('/keys/new');
  await page.locator('.side details.menu summary').click();
  await look('the menu');
  await person.go('/overview');
  await page.getByRole('button', { name: /^Search/ }).click();
  await page.locator('.palette a').first().waitFor();
  await look('the palette');
  await page.keyboard.press('Escape');
  await person.press('Demo');
  await look('demo trading');
  await person.press('Live');

  // A form that is refused: a summary, and the first wrong field is ready for typing, with what was typed.
  await person.go('/keys/new');
  await page.locator('input[name=name]').fill('Kept');
  await page.locator('textarea[name=addresses]').fill('300.1.2.3');
  await page.locator('input[name=passphrase]').fill('short');
  await person.press('Continue');
  await look('a refused form');
  const focused = await page.evaluate(() => document.activeElement?.name);
  step('the first wrong field is ready for typing', focused === 'addresses', focused);
  step('the summary leads to the fields', (await page.locator('.errors a').evaluateAll((all) => all.map((one) => one.hash))).join() === '#f-addresses,#f-passphrase');
  step('what was typed is kept', (await page.locator('input[name=name]').inputValue()) === 'Kept');

  step('the table of requests lies below its labels', await (async () => {
    await person.go(`/keys/${key.api_key}`);
    const cell = page.locator('td[data-label="Request"]').first();
    return (await cell.evaluate((one) => getComputedStyle(one).display)) === 'block';
  })());
  step(`${looked} pages fit a phone`, wrong.length === 0, wrong.join('; '));
  browser.verdict(20);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

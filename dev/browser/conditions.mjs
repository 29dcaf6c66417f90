// The main pages as other people meet them: by keyboard alone, at 200 % zoom, with forced colours, and without scripts.
import { balance, openScene, sleepless, step } from './sandbox.mjs';
import { openBrowser } from './person.mjs';

const scene = await openScene({ browser: openBrowser });
const { credentials, browser } = scene;

// What sticks out to the right of a page.
const wider = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

// Goes through a page with the Tab key: every stop is seen, has an outline, and the way ends.
async function tabThrough(page) {
  const faults = [];
  let stops = 0;
  // From the very beginning, wherever the page has put the cursor: after blur() alone, newer browsers go on from there.
  await page.evaluate(() => {
    const top = document.documentElement;
    top.tabIndex = -1;
    top.focus();
    top.blur();
    top.removeAttribute('tabindex');
  });
  for (; stops < 400; stops += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one || one === document.body) return null;
      if (one.dataset.stopped) return { again: true };
      one.dataset.stopped = 'yes';
      const box = one.getBoundingClientRect();
      // A box that is drawn by its label shows the outline there.
      const shows = [one, one.nextElementSibling, one.closest('label')].filter(Boolean).some((at) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(at);
        return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0;
      });
      const named = one.getAttribute('aria-label') || one.innerText || one.labels?.length || one.title || one.closest('table, pre, [role=group]');
      return { html: one.outerHTML.slice(0, 140), shows, named: Boolean(named), seen: box.width > 0 && box.height > 0 };
    });
    if (!stop || stop.again) break;
    if (!stop.seen || !stop.shows || !stop.named) faults.push(JSON.stringify(stop));
  }
  return { stops, faults };
}

try {
  const trader = await browser.signedIn(credentials, 'trader');
  const { page } = trader;
  const key = credentials.keys.trade;
  await balance(credentials.gateway_url, key);
  const paths = ['/overview', '/keys', '/keys/new', '/keys/reach?from=127.0.0.1', '/keys/disable-all', `/keys/${key.api_key}`, `/keys/${key.api_key}/activity`,
    `/keys/${key.api_key}/settings`, `/keys/${key.api_key}/live`, `/keys/${key.api_key}/rotate`, `/keys/${key.api_key}/addresses`, `/keys/${key.api_key}/limits`, '/activity', '/alerts', '/alerts/channels/new?kind=webhook',
    '/trail', '/security', '/security/authenticator', '/apps/new', '/api'];

  const wrong = [];
  let tabs = 0;
  for (const path of paths) {
    await trader.go(path);
    const { stops, faults } = await tabThrough(page);
    tabs += stops;
    if (stops < 5) faults.push(`only ${stops} stops`);
    wrong.push(...faults.map((fault) => `${path}: ${fault}`));
  }
  step(`${tabs} stops of the Tab key are seen, named and outlined`, wrong.length === 0, wrong.join('\n'));

  // A key is disabled and enabled with the keyboard alone, from the palette on.
  await trader.go('/overview');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('disable trade');
  await sleepless('the palette finds the action', async () => (await page.locator('[role=option]').count()) > 0);
  await trader.leave('Enter in the palette', () => page.keyboard.press('Enter'));
  step('the palette leads to the action', page.url().includes('/disable'), page.url());
  // Chromium moves the focus a moment after the page has loaded; nobody types faster.
  await sleepless('the field has the focus', async () => page.evaluate(() => document.activeElement?.name === 'factor'));
  await page.keyboard.type(trader.password);
  await trader.leave('Enter in the form', () => page.keyboard.press('Enter'));
  await trader.go(`/keys/${key.api_key}`);
  step('the key is disabled', (await page.locator('h1 .state').innerText()).includes('disabled'), await trader.heading());
  await page.locator('details.more summary').focus();
  await page.keyboard.press('Enter');
  step('Enter opens the menu', await page.locator('details.more').evaluate((one) => one.open));
  await page.keyboard.press('Escape');
  step('Escape closes it and keeps the place', await page.evaluate(() => document.activeElement.matches('details.more summary')));

  // 200 %: a window of 1440 px shows what 720 px hold.
  await page.setViewportSize({ width: 720, height: 450 });
  const sticking = [];
  for (const path of paths) {
    await trader.go(path);
    const by = await wider(page);
    if (by > 0) sticking.push(`${path}: ${by} px`);
    await browser.judge(page, 'at 200 %');
  }
  step('nothing sticks out at 200 %', sticking.length === 0, sticking.join('; '));
  await page.setViewportSize({ width: 1440, height: 900 });

  await page.emulateMedia({ forcedColors: 'active' });
  const unseen = [];
  for (const path of paths) {
    await trader.go(path);
    await browser.judge(page, 'in forced colours');
    // What only a background told apart must have a border, an outline or a mark of its own.
    const lost = await page.evaluate(() => {
      const marked = (one) => {
        const style = getComputedStyle(one);
        return [style.borderStyle, style.outlineStyle, style.textDecorationLine].some((value) => !/^none( none)*$/.test(value)) || Number(style.fontWeight) >= 600
          || getComputedStyle(one, '::before').content !== 'none';
      };
      return [...document.querySelectorAll('nav a[aria-current], .tabs a[aria-current], button.primary, .button.primary, .state, .switch, [aria-current]')]
        .filter((one) => one.checkVisibility() && !marked(one)).map((one) => one.outerHTML.slice(0, 100));
    });
    unseen.push(...lost.map((one) => `${path}: ${one}`));
  }
  step('what is chosen is seen in forced colours', unseen.length === 0, unseen.join('; '));
  await page.emulateMedia({ forcedColors: 'none' });

  // Without scripts every page has its content, its forms have their buttons, and nothing waits for a script.
  const plain = await browser.newPerson(credentials, trader.email, { javaScriptEnabled: false, storageState: await page.context().storageState() });
  const empty = [];
  for (const path of paths) {
    await plain.go(path);
    const text = await plain.page.locator('main').innerText();
    const forms = await plain.page.locator('main form').count();
    const buttons = await plain.page.locator('main form button[type=submit]:not([hidden]), main form button:not([type], [hidden]), main button[form]').count();
    if (text.length < 40 || (forms > 0 && buttons === 0)) empty.push(`${path}: ${text.length} letters, ${forms} forms, ${buttons} buttons`);
  }
  step('pages are whole without scripts', empty.length === 0, empty.join('; '));
  await plain.go('/keys');
  await plain.page.locator('input[name=key]').first().check();
  await plain.press('Disable selected');
  step('keys are selected without scripts', (await plain.heading()).length > 0 && (await plain.page.locator('input[name=factor]').count()) === 1);
  browser.verdict(20);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

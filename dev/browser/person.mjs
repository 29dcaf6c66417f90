// A person at the console, in headless Chromium.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { Authenticator, LIMIT_S, Mailbox, sleepless, step } from './sandbox.mjs';

export const PASSWORD = 'amber-kite-47-fjord-lantern';
export const PASSPHRASE = 'Browser-Pass1!';

const LIMIT_MS = LIMIT_S * 1000;
const WIDE = { width: 1440, height: 900 };
// A page may move so little while it loads (the unit of Chromium's layout-shift entries): times in the reader's zone are shorter
// than those in UTC that stand there at first.
const SHIFT = 0.03;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// No version of the browser asks another machine for anything: nothing in the background, no proxy, no names but this machine's.
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--no-first-run', '--no-default-browser-check', '--no-pings', '--no-proxy-server',
  '--disable-background-networking', '--disable-client-side-phishing-detection', '--disable-component-update', '--disable-default-apps',
  '--disable-domain-reliability', '--disable-quic', '--disable-sync', '--metrics-recording-only',
  '--host-resolver-rules=MAP * ^NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]'];

// The browser of a script. It collects what goes wrong on every page of every context, and `verdict` fails with it.
class Browser {
  constructor(program) {
    this.program = program;
    this.complaints = new Set();
    this.faults = [];
    this.judged = new Set();
    this.unscripted = new WeakSet();
  }

  async newPage(options = {}) {
    const context = await this.program.newContext({ colorScheme: 'light', reducedMotion: 'reduce', viewport: WIDE, ...options });
    await context.addInitScript(() => {
      globalThis.shifted = 0;
      globalThis.movers = [];
      new PerformanceObserver((list) => {
        // What a person's own typing moves later is no fault.
        const loaded = performance.getEntriesByType('navigation')[0]?.loadEventEnd || Infinity;
        for (const one of list.getEntries()) {
          if (one.hadRecentInput || one.startTime > loaded + 300) continue;
          globalThis.shifted += one.value;
          globalThis.movers.push(...one.sources.map(({ node }) => (node?.outerHTML ?? node?.textContent ?? '').slice(0, 120)));
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    context.setDefaultTimeout(LIMIT_MS);
    context.on('console', (line) => {
      // Chromium words its complaints anew from version to version, so every error counts, but for answers that are judged below.
      if (line.type() !== 'error' || line.text().startsWith('Failed to load resource: the server responded')) return;
      this.complaints.add(`${line.location().url}: ${line.text()}`);
    });
    context.on('weberror', (problem) => this.complaints.add(`${problem.page()?.url()}: ${problem.error()}`));
    context.on('response', (reply) => {
      const asked = reply.request();
      const refusable = asked.isNavigationRequest() || asked.resourceType() === 'fetch';
      if (reply.status() >= (refusable ? 500 : 400)) this.complaints.add(`${asked.method()} ${reply.url()}: ${reply.status()}`);
    });
    const page = await context.newPage();
    // Slower pages show races; set it by hand.
    const rate = Number(process.env.KEYWARD_SLOWER ?? 1);
    if (rate > 1) await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate });
    if (options.javaScriptEnabled === false) this.unscripted.add(page);
    return page;
  }

  async newPerson(credentials, email, options) {
    return new Person(this, await this.newPage(options), credentials, email);
  }

  // Somebody of the sandbox, signed in.
  async signedIn(credentials, name) {
    const known = credentials.people[name];
    const person = await this.newPerson(credentials, known.email);
    person.password = known.password;
    person.authenticator = new Authenticator(known.totp_secret);
    await person.signIn();
    step(`${name} is signed in`, person.inside);
    return person;
  }

  // What axe finds on a page as it stands, and in dark colours. Persons judge every kind of page that they leave, once; a
  // state that leaves no mark in address and heading is judged by its name.
  async judge(page, name = '') {
    if (this.unscripted.has(page) || !page.url().startsWith('http')) return;
    const heading = await page.locator('h1').first().innerText();
    const told = (await page.locator('[role=alert]:visible').count()) > 0 ? 'with an alarm' : '';
    const path = new URL(page.url()).pathname.replaceAll(/[^/]{16,}|\d+/g, '*');
    const kind = [path, heading.replaceAll(/\s+/g, ' '), told, name].filter(Boolean).join(' | ');
    if (this.judged.has(kind)) return;
    this.judged.add(kind);
    const [shifted, movers] = await page.evaluate(() => [globalThis.shifted, globalThis.movers]);
    if (shifted > SHIFT) this.faults.push(`${kind}: the page moved by ${shifted.toFixed(3)} while it loaded: ${movers.join(' ')}`);
    await page.evaluate(AXE);
    const run = (only) => page.evaluate(async (runOnly) => {
      const { violations, passes } = await globalThis.axe.run(document, { resultTypes: ['violations'], ...(runOnly && { runOnly }) });
      return { passed: passes.length, found: violations.map((one) => `${one.id}, ${one.nodes.length} times: ${one.nodes[0].html}`) };
    }, only);
    const light = await run();
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await run(['color-contrast']);
    await page.emulateMedia({ colorScheme: 'light' });
    const found = [...light.found, ...dark.found.map((one) => `in the dark: ${one}`)];
    if (light.passed < 5 || dark.passed < 1) found.push('axe judged nothing');
    // All pages are looked at before the script fails, so that one run tells everything.
    for (const one of found) this.faults.push(`${kind}: ${one}`);
  }

  verdict(atLeast) {
    const few = this.judged.size < atLeast ? `only ${[...this.judged].join('; ')}` : '';
    step(`${this.judged.size} kinds of pages are accessible`, this.faults.length === 0 && !few, [...this.faults, few].join('; '));
    step('no page and no script complained', this.complaints.size === 0, [...this.complaints].join('; '));
  }

  // Where every page stands, for who reads of a failure.
  async where() {
    const told = async (page) => {
      const words = page.locator('h1, [role=alert]:visible, .error:visible').allInnerTexts();
      return `  ${page.url()}: ${await Promise.race([words.catch(String), new Promise((go) => setTimeout(go, 5_000, 'no answer'))])}`;
    };
    const pages = this.program.contexts().flatMap((context) => context.pages());
    return [...await Promise.all(pages.map(told)), ...this.complaints, ...this.faults].join('\n');
  }

  close() { return this.program.close(); }
}

export async function openBrowser() {
  const executablePath = process.env.KEYWARD_CHROMIUM ?? '/usr/bin/chromium';
  return new Browser(await chromium.launch({ executablePath, args: FLAGS, timeout: 2 * LIMIT_MS }));
}

export class Person {
  constructor(browser, page, credentials, email) {
    this.browser = browser;
    this.page = page;
    this.url = credentials.console_url;
    this.email = email;
    this.password = PASSWORD;
    this.recovery = [];
    this.approvals = 0;
    this.mails = new Mailbox(credentials.mail_url, email);
    page.on('response', (reply) => { if (reply.request().isNavigationRequest()) this.reply = reply; });
  }

  // Does what leads to another page and waits until that has loaded. The wait begins before the act: a wait that begins after
  // it finds the old page loaded, and goes on there.
  async leave(how, act) {
    await this.browser.judge(this.page);
    const loaded = this.page.waitForEvent('load').then(() => null, (problem) => problem);
    await act().catch((problem) => { throw new Error(`${how} on ${this.page.url()}: ${problem.message}`); });
    const problem = await loaded;
    if (problem) throw new Error(`${how} on ${this.page.url()}: no other page has loaded: ${problem.message}`);
  }

  // A path, or a whole address.
  async go(path, status = 200) {
    await this.browser.judge(this.page);
    const reply = await this.page.goto(new URL(path, this.url).href);
    // A way within the page, to what stands behind "#", has no reply.
    if (reply && reply.status() !== status) throw new Error(`${path}: ${reply.status()} "${await this.heading()}", not ${status}`);
  }

  press(name) { return this.leave(`pressing "${name}"`, () => this.page.getByRole('button', { name, exact: true }).click()); }

  follow(name) { return this.leave(`following "${name}"`, () => this.page.getByRole('link', { name, exact: true }).click()); }

  enter(field) { return this.leave(`Enter in ${field}`, () => this.page.locator(field).press('Enter')); }

  async signOut() {
    await this.page.locator('.side details.menu summary').click();
    await this.press('Sign out');
  }

  async fill(label, text) { await this.page.getByLabel(label, { exact: false }).first().fill(text); }

  // Whether the page is the one that signing in leads to: the overview, or the list of keys as long as there is none.
  get inside() { return ['/overview', '/keys'].includes(new URL(this.page.url()).pathname); }

  heading() { return this.page.locator('h1').first().innerText(); }

  async says(text) { return (await this.page.getByText(text, { exact: false }).count()) > 0; }

  async register() {
    await this.go('/register');
    await this.fill('E-mail address', this.email);
    await this.fill('Password', this.password);
    await this.press('Continue');
    await this.page.locator('input[name=code]').fill(await this.mails.code());
    await this.press('Create the account');
  }

  // From the page that registering leads to; gives the recovery codes.
  async enrol() {
    this.authenticator = new Authenticator(await this.page.locator('input[name=secret]').inputValue());
    await this.page.locator('input[name=code]').fill(await this.authenticator.code());
    await this.press('Continue');
    return this.page.locator('.codes code').allInnerTexts();
  }

  async approve(button) {
    await this.page.locator('input[name=mail_code]').fill(await this.mails.code());
    await this.page.locator('input[name=factor]').fill(await this.factor());
    await this.press(button);
  }

  async factor() {
    return this.approvals++ > 0 && this.recovery.length ? this.recovery.pop() : this.authenticator.code();
  }

  async confirm(button) {
    await this.page.locator('input[name=factor]').fill(this.password);
    await this.press(button);
  }

  // Fills in limits: names of fields and what is typed.
  async limit(limits) {
    const fields = Object.entries(limits);
    const closed = this.page.locator('details:not([open]):has(input[name=limit_order])');
    if (fields.length && await closed.count()) await closed.locator('summary').first().click();
    for (const [name, typed] of fields) await this.page.locator(`[name=${name}]`).fill(typed);
  }

  async createKey({ name, rights = ['read', 'trade'], addresses = '127.0.0.1, ::1', passphrase = PASSPHRASE, limits = {} }) {
    await this.go('/keys/new');
    await this.page.locator('input[name=name]').fill(name);
    for (const right of ['read', 'trade', 'withdraw', 'funding', 'manage']) {
      await this.page.locator(`input[name=permission][value=${right}]`).setChecked(rights.includes(right));
    }
    await this.page.locator('textarea[name=addresses]').fill(addresses);
    await this.page.locator('input[name=passphrase]').fill(passphrase);
    await this.limit(limits);
    await this.press('Continue');
    await this.approve('Create the key');
    return this.credentials();
  }

  async credentials() {
    const text = (id) => this.page.locator(`#${id}`).innerText();
    return { api_key: await text('c-key'), secret: await text('c-secret'), passphrase: await text('c-passphrase') };
  }

  async signIn() {
    await this.go('/sign-in');
    await this.fill('E-mail address', this.email);
    await this.fill('Password', this.password);
    await this.press('Sign in');
    if (this.authenticator) {
      await this.page.locator('input[name=code]').fill(await this.authenticator.code());
      await this.press('Continue');
    }
  }
}

// A device with passkeys: Chromium's virtual authenticator. It looks for somebody's touch once, when a question reaches it, and
// does not notice a touch that comes while the question waits. So the touch, or its absence, is there before: what the page
// asks of the browser is told to this script first, and goes on to the browser after that.
export class Device {
  // What was asked so far: `button`; `field` for questions of the address field; `offer` before those, whether the browser can.
  asked = [];
  // Which questions somebody answers. The field's only where a step says so: it would sign in again after signing out.
  touches = { button: true, field: false };
  // What happens before the browser is asked.
  meanwhile = async () => {};

  constructor(devtools, authenticatorId) {
    this.devtools = devtools;
    this.authenticatorId = authenticatorId;
  }

  static async beside(page) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: false },
    });
    const device = new Device(devtools, authenticatorId);
    await page.exposeFunction('keywardAsked', (kind) => device.ask(kind));
    await page.addInitScript(() => {
      const first = (of, verb, kind) => {
        const plain = of[verb].bind(of);
        of[verb] = async (options) => {
          await globalThis.keywardAsked(options?.mediation === 'conditional' ? 'field' : kind);
          return plain(options);
        };
      };
      first(navigator.credentials, 'get', 'button');
      first(navigator.credentials, 'create', 'button');
      first(PublicKeyCredential, 'isConditionalMediationAvailable', 'offer');
    });
    return device;
  }

  async ask(kind) {
    this.asked.push(kind);
    await this.meanwhile(kind);
    if (kind in this.touches) await this.send('WebAuthn.setAutomaticPresenceSimulation', { enabled: this.touches[kind] });
  }

  send(method, more = {}) { return this.devtools.send(method, { authenticatorId: this.authenticatorId, ...more }); }

  verifies(isUserVerified) { return this.send('WebAuthn.setUserVerified', { isUserVerified }); }

  count(kind) { return this.asked.filter((one) => one === kind).length; }

  // Until there is one more question of this kind than there were.
  after(count, kind) { return sleepless(`the ${kind} asks once more than ${count} times`, async () => this.count(kind) > count); }
}

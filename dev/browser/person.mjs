// A person at the console, in headless Chromium.
import { chromium } from 'playwright-core';
import { Authenticator, Mailbox } from './sandbox.mjs';

export const PASSWORD = 'amber-kite-47-fjord-lantern';
export const PASSPHRASE = 'Browser-Pass1!';

export async function openBrowser() {
  const executablePath = process.env.KEYWARD_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export class Person {
  constructor(page, credentials, email) {
    this.page = page;
    this.url = credentials.console_url;
    this.email = email;
    this.password = PASSWORD;
    this.recovery = [];
    this.approvals = 0;
    this.mails = new Mailbox(credentials.mail_url, email);
  }

  async go(path) { await this.page.goto(this.url + path); }

  async press(name) { await this.page.getByRole('button', { name, exact: true }).click(); await this.page.waitForLoadState(); }

  async fill(label, text) { await this.page.getByLabel(label, { exact: false }).first().fill(text); }

  heading() { return this.page.locator('h1').first().innerText(); }

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
    await this.page.locator('input[name=mail_code]').fill(await this.mails.code());
    await this.page.locator('input[name=factor]').fill(this.password);
    await this.press('Set it up');
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

  async createKey({ name, rights = ['read', 'trade'], addresses = '127.0.0.1, ::1', passphrase = PASSPHRASE }) {
    await this.go('/keys/new');
    await this.page.locator('input[name=name]').fill(name);
    for (const right of ['read', 'trade', 'withdraw', 'funding', 'manage']) {
      await this.page.locator(`input[name=permission][value=${right}]`).setChecked(rights.includes(right));
    }
    await this.page.locator('textarea[name=addresses]').fill(addresses);
    await this.page.locator('input[name=passphrase]').fill(passphrase);
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

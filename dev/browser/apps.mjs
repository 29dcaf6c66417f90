// An app from its registration to a holder's key, in Chromium: a broker registers and submits ranges, two operators verify and
// approve, a holder binds a key through the wizard, and requests come from the app's servers and from elsewhere: from real
// addresses, in a network namespace of the script's own.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Authenticator, balanceFrom, sleepless, startSandbox, step, withAddresses, within } from './sandbox.mjs';
import { PASSPHRASE, Person, openBrowser } from './person.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RANGES = ['203.0.113.0/24', '2001:db8::/32'];
const real = withAddresses(['203.0.113.7/32', '203.0.114.1/32', '198.51.100.7/32', '2001:db8::7/128']);
const sandbox = await startSandbox([], real ? '[::]:0' : '127.0.0.1:0');
const { credentials } = sandbox;
const port = new URL(credentials.gateway_url).port;
credentials.gateway_url = `http://127.0.0.1:${port}`;
const browser = await openBrowser();

async function open(email) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('console', (said) => { if (said.text().includes('Content Security Policy')) throw new Error(said.text()); });
  page.on('pageerror', (problem) => { throw problem; });
  return new Person(page, credentials, email);
}

async function enter(name) {
  const known = credentials.people[name];
  const person = await open(known.email);
  person.password = known.password;
  person.authenticator = new Authenticator(known.totp_secret);
  await person.signIn();
  return person;
}

async function join(email) {
  const person = await open(email);
  await person.register();
  person.recovery = await person.enrol();
  person.approvals = 1;
  return person;
}

async function clean(person, name) {
  await person.page.evaluate(axe);
  const { violations } = await person.page.evaluate(() => window.axe.run());
  step(`axe finds nothing on ${name}`, violations.length === 0 || (console.log(JSON.stringify(violations)), false));
}

const follow = async (person, name) => {
  await person.page.getByRole('link', { name, exact: true }).first().click();
  await person.page.waitForLoadState();
};

const says = async (person, text) => (await person.page.getByText(text, { exact: false }).count()) > 0;

// One proposes from the page of an app, the other approves; it is carried out at once.
async function bothAgree(one, other, link) {
  await follow(one, link);
  await one.press('Continue');
  await one.approve('Propose it');
  const proposal = one.page.url().split('?')[0];
  await other.page.goto(proposal);
  await follow(other, 'Approve');
  await other.press('Continue');
  await other.approve('Approve it');
  return (await other.page.locator('.state.done').count()) === 1;
}

// A picture that is larger than a logo is kept, made by the browser itself.
const picture = (page) => page.evaluate(async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 200, height: 200 });
  const brush = canvas.getContext('2d');
  brush.fillStyle = '#256044';
  brush.fillRect(0, 0, 200, 200);
  const file = await new Promise((done) => canvas.toBlob(done, 'image/png'));
  return [...new Uint8Array(await file.arrayBuffer())];
});

// What the gateway answers to the key's requests from each of these addresses, within a second.
async function fromReal(key, expected) {
  if (!real) return;
  for (const [source, code] of Object.entries(expected)) {
    await sleepless(`${code} from ${source}`, 1, async () => (await balanceFrom(source, port, key)) === code);
  }
}

try {
  const [ann, ben] = [await enter('operator'), await enter('operator2')];
  const broker = await join('platform@keyward.example');
  const holder = await join('holder@keyward.example');

  await broker.go('/keys');
  step('nobody is a broker by chance', (await broker.page.getByRole('link', { name: 'Your apps' }).count()) === 0);
  await follow(broker, 'Register an app');
  await clean(broker, 'the form of an app');
  await broker.page.locator('input[name=name]').fill('Trade Pal');
  await broker.page.locator('input[name=home_page]').fill('https://tradepal.example');
  await broker.page.locator('input[value=trade]').check();
  const buffer = Buffer.from(await picture(broker.page));
  await broker.page.locator('input[type=file]').setInputFiles({ name: 'logo.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') });
  await broker.page.locator('#h-logo .error').waitFor();
  step('a file that is no picture is refused in the page');
  await broker.page.locator('input[type=file]').setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer });
  await broker.page.locator('[data-picture] img:not([hidden])').waitFor();
  await broker.press('Continue');
  await clean(broker, 'the page before registering');
  await broker.confirm('Register the app');
  const app = broker.page.url().split('?')[0];
  const id = app.split('/').pop();
  await clean(broker, 'the page of a draft');
  step('the logo is a picture of ours', await broker.page.locator('img.logo.large').evaluate((image) => image.complete && image.naturalWidth === 128));
  await broker.press('Submit for review');
  step('it waits for operators', await says(broker, 'Operators look at it'));

  await follow(broker, 'Submit ranges');
  const field = broker.page.locator('textarea[name=ranges]');
  await field.fill(`${RANGES[0]}\n224.0.0.0/24\n203.0.113.7/24\n${RANGES[1]}`);
  await broker.page.locator('#live-ranges .bad').first().waitFor();
  step('each entry is judged while it is typed', (await broker.page.locator('#live-ranges .bad').count()) === 2
    && (await broker.page.locator('#live-ranges .good').count()) === 2 && await says(broker, 'Line 2: 224.0.0.0/24: a multicast address range'));
  await clean(broker, 'the editor of ranges');
  const [chooser] = await Promise.all([broker.page.waitForEvent('filechooser'), broker.page.getByRole('button', { name: 'Fill in from a file' }).click()]);
  await chooser.setFiles({ name: 'ranges.txt', mimeType: 'text/plain', buffer: Buffer.from(`# our servers\n${RANGES.join('\n')}\n`) });
  await broker.page.locator('#live-ranges .note.goes').waitFor();
  step('a file fills the field', (await field.inputValue()).includes(RANGES[1]) && (await broker.page.locator('#live-ranges .plus').count()) === 2);
  await broker.press('Check');
  step('the button says the same as the script', (await broker.page.locator('#live-ranges .plus').count()) === 2);
  await broker.page.locator('textarea[name=note]').fill('Our two data centres.');
  await broker.press('Continue');
  await broker.approve('Submit them');
  step('the ranges wait for operators', await says(broker, 'Version 1 waits for operators'));
  await clean(broker, 'the page of an app');

  await ann.go('/operations');
  step('the overview says that something waits', (await ann.page.locator('.tile.waits', { hasText: 'app reviews wait' }).innerText()).startsWith('2'));
  await follow(ann, 'Apps');
  await clean(ann, 'the queue');
  await ann.page.locator('table').first().getByRole('link', { name: 'Trade Pal' }).click();
  await ann.page.waitForLoadState();
  await clean(ann, 'an app for operators');
  step('without a range', !(await ann.page.content()).includes(RANGES[0]));
  const overseen = ann.page.url();
  step('two operators verify the app', await bothAgree(ann, ben, 'Propose to verify it'));
  await ann.page.goto(overseen);
  await ann.press('Read the ranges of version 1');
  await clean(ann, 'a version with its ranges');
  const text = await ann.page.locator('main').innerText();
  step('an operator reads the ranges', RANGES.every((range) => text.includes(range)) && text.includes('Our two data centres.'));
  step('two operators approve the ranges', await bothAgree(ann, ben, 'Propose to approve'));
  await ann.go('/operations/audit?q=app.ranges.read');
  step('that they were read stands in the log', (await ann.page.locator('tbody tr').count()) === 1);

  await holder.go('/keys/new');
  await clean(holder, 'the form of a key');
  await holder.page.getByRole('link', { name: 'Bind third-party application' }).click();
  await holder.page.waitForLoadState();
  await clean(holder, 'the apps to choose from');
  await holder.page.locator('input[name=q]').fill('pal');
  await holder.press('Search');
  await follow(holder, 'Choose Trade Pal');
  step('there is no address field', (await holder.page.locator('[name=addresses]').count()) === 0);
  step('what the app needs is preselected', await holder.page.locator('input[value=trade]').isChecked()
    && !(await holder.page.locator('input[value=withdraw]').isChecked()));
  await clean(holder, 'the form of an app key');
  await holder.page.locator('input[name=name]').fill('PalBot');
  await holder.page.locator('input[name=passphrase]').fill(PASSPHRASE);
  await holder.press('Continue');
  step('the app is named before the key is made', await says(holder, 'The app: Trade Pal (https://tradepal.example)'));
  await holder.approve('Create the key');
  const [api_key, secret] = [await holder.page.locator('#c-key').innerText(), await holder.page.locator('#c-secret').innerText()];
  const key = { api_key, secret, passphrase: PASSPHRASE };
  await within(credentials.gateway_url, key, '50110');
  step('from here, which is none of its servers, the key is refused');
  await fromReal(key, { '203.0.113.7': '0', '2001:db8::7': '0', '203.0.114.1': '50110', '127.0.0.1': '50110', '::1': '50110' });
  step(real ? 'from 203.0.113.7 and 2001:db8::7 it passes, from 203.0.114.1 and loopback it does not' : 'real source addresses were not tried');
  await follow(holder, "To the key's page");
  await clean(holder, 'the page of an app key');
  step('the key names the app, and no address', (await says(holder, 'Trade Pal'))
    && !/203\.0\.113|2001:db8/.test(await holder.page.locator('main').innerText()));
  await holder.go('/keys');
  step('so does the list', await says(holder, 'Trade Pal'));

  await broker.page.goto(`${app}/ranges`);
  await broker.page.locator('textarea[name=ranges]').fill('198.51.100.0/24\n2001:db8::/32');
  await broker.press('Continue');
  await broker.approve('Submit them');
  await fromReal(key, { '203.0.113.7': '0', '198.51.100.7': '50110' });
  await ann.page.goto(overseen);
  await ann.press('Read the ranges of version 2');
  step('two operators approve the ranges that replace them', await bothAgree(ann, ben, 'Propose to approve'));
  await fromReal(key, { '203.0.113.7': '50110', '198.51.100.7': '0', '2001:db8::7': '0', '127.0.0.1': '50110' });
  step(real ? 'and within a second the key works from there, and not from where it did' : 'real source addresses were not tried');

  await broker.page.goto(`${app}/freeze`);
  step('a freeze says what it touches', await says(broker, 'It touches 1 key of 1 account'));
  await broker.confirm('Freeze all its keys');
  await within(credentials.gateway_url, key, '50100');
  await fromReal(key, { '198.51.100.7': '50100' });
  step('the broker freezes all keys of the app');
  await holder.go(`/keys/${api_key}`);
  step('and the holder reads it', await says(holder, 'Trade Pal is frozen'));
  await clean(holder, 'the page of a key whose app is frozen');
  await broker.page.goto(`${app}/thaw`);
  await broker.press('Continue');
  await broker.approve('Lift the freeze');
  await within(credentials.gateway_url, key, '50110');
  step('and lifts it with a code by mail');

  await ann.go(`/operations/apps/${id}/demand`);
  await clean(ann, 'the demand for successors');
  await ann.page.locator('input[name=why]').fill('drill');
  await ann.confirm('Demand successors');
  step('an operator demands successors', await says(ann, 'Successors are demanded'));
  await holder.go(`/keys/${api_key}`);
  await follow(holder, 'Rotate this key');
  step('and the page of the key leads to one', (await holder.heading()) === 'Rotate this key');
  await broker.page.goto(app);
  step('the broker sees how many are left', await says(broker, '1 of 1 are still to be replaced'));
  await clean(broker, 'the page of an app with a demand');
} finally {
  await browser.close();
  step('the sandbox stops', (await sandbox.stop()) === 0);
}

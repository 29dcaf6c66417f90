// An app from its registration to a holder's key, in Chromium: a broker registers and submits ranges, two operators verify and
// approve, a holder binds a key through the wizard, and requests come from the app's servers and from elsewhere: from real
// addresses, in a network namespace of the script's own.
import { balanceFrom, openScene, promptly, skip, step, withAddresses, within } from './sandbox.mjs';
import { PASSPHRASE, openBrowser } from './person.mjs';

const RANGES = ['203.0.113.0/24', '2001:db8::/32'];
const real = withAddresses(['203.0.113.7/32', '203.0.114.1/32', '198.51.100.7/32', '2001:db8::7/128']);
const scene = await openScene({ gateway: real ? '[::]:0' : '127.0.0.1:0', browser: openBrowser });
const { credentials, browser } = scene;
const port = new URL(credentials.gateway_url).port;
credentials.gateway_url = `http://127.0.0.1:${port}`;

async function join(email) {
  const person = await browser.newPerson(credentials, email);
  await person.register();
  person.recovery = await person.enrol();
  person.approvals = 1;
  return person;
}

// One proposes from the page of an app, the other approves; it is carried out at once.
async function bothAgree(one, other, link) {
  await one.follow(link);
  await one.press('Continue');
  await one.approve('Propose it');
  const proposal = one.page.url().split('?')[0];
  await other.go(proposal);
  await other.follow('Approve');
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
async function fromReal(name, key, expected) {
  if (!real) {
    skip(name, 'network namespaces are not permitted here');
    return;
  }
  for (const [source, code] of Object.entries(expected)) {
    await promptly(`${name}: the gateway answers ${source}`, code, () => balanceFrom(source, port, key));
  }
  step(name);
}

try {
  const [ann, ben] = [await browser.signedIn(credentials, 'operator'), await browser.signedIn(credentials, 'operator2')];
  const broker = await join('platform@keyward.example');
  const holder = await join('holder@keyward.example');

  await broker.go('/keys');
  step('nobody is a broker by chance', (await broker.page.getByRole('link', { name: 'Your apps' }).count()) === 0);
  await broker.follow('Register an app');
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
  await broker.confirm('Register the app');
  const app = broker.page.url().split('?')[0];
  const id = app.split('/').pop();
  step('the logo is a picture of ours', await broker.page.locator('img.logo.large').evaluate((image) => image.complete && image.naturalWidth === 128));
  await broker.press('Submit for review');
  step('it waits for operators', await broker.says('Operators are reviewing it'));

  await broker.follow('Submit ranges');
  const field = broker.page.locator('textarea[name=ranges]');
  await field.fill(`${RANGES[0]}\n224.0.0.0/24\n203.0.113.7/24\n${RANGES[1]}`);
  await broker.page.locator('#live-ranges .bad').first().waitFor();
  step('each entry is judged while it is typed', (await broker.page.locator('#live-ranges .bad').count()) === 2
    && (await broker.page.locator('#live-ranges .good').count()) === 2 && await broker.says('Line 2: 224.0.0.0/24: a multicast address range'));
  const [chooser] = await Promise.all([broker.page.waitForEvent('filechooser'), broker.page.getByRole('button', { name: 'Fill in from a file' }).click()]);
  await chooser.setFiles({ name: 'ranges.txt', mimeType: 'text/plain', buffer: Buffer.from(`# our servers\n${RANGES.join('\n')}\n`) });
  await broker.page.locator('#live-ranges .note.goes').waitFor();
  step('a file fills the field', (await field.inputValue()).includes(RANGES[1]) && (await broker.page.locator('#live-ranges .plus').count()) === 2);
  await broker.press('Check');
  step('the button says the same as the script', (await broker.page.locator('#live-ranges .plus').count()) === 2);
  await broker.page.locator('textarea[name=note]').fill('Our two data centres.');
  await broker.press('Continue');
  await broker.approve('Submit them');
  step('the ranges wait for operators', await broker.says('Version 1 waits for operators'));

  await ann.go('/operations');
  step('the overview says that something waits', (await ann.page.locator('.tile.waits', { hasText: 'app reviews wait' }).innerText()).startsWith('2'));
  await ann.follow('Apps');
  await ann.leave('following the first app', () => ann.page.locator('table').first().getByRole('link', { name: 'Trade Pal' }).click());
  step('without a range', !(await ann.page.content()).includes(RANGES[0]));
  const overseen = ann.page.url();
  step('two operators verify the app', await bothAgree(ann, ben, 'Propose to verify it'));
  await ann.go(overseen);
  await ann.press('Read the ranges of version 1');
  const text = await ann.page.locator('main').innerText();
  step('an operator reads the ranges', RANGES.every((range) => text.includes(range)) && text.includes('Our two data centres.'));
  step('two operators approve the ranges', await bothAgree(ann, ben, 'Propose to approve'));
  await ann.go('/operations/audit?q=app.ranges.read');
  step('that they were read stands in the log', (await ann.page.locator('.records > li').count()) === 1);

  await holder.go('/keys/new');
  await holder.leave('binding to an app', () => holder.page.getByRole('link', { name: 'Bind third-party application' }).click());
  await holder.page.locator('input[name=q]').fill('pal');
  await holder.press('Search');
  await holder.follow('Choose Trade Pal');
  step('there is no address field', (await holder.page.locator('[name=addresses]').count()) === 0);
  step('what the app needs is preselected', await holder.page.locator('input[value=trade]').isChecked()
    && !(await holder.page.locator('input[value=withdraw]').isChecked()));
  await holder.page.locator('input[name=name]').fill('PalBot');
  await holder.page.locator('input[name=passphrase]').fill(PASSPHRASE);
  await holder.press('Continue');
  step('the app is named before the key is made', await holder.says('The app: Trade Pal (https://tradepal.example)'));
  await holder.approve('Create the key');
  const [api_key, secret] = [await holder.page.locator('#c-key').innerText(), await holder.page.locator('#c-secret').innerText()];
  const key = { api_key, secret, passphrase: PASSPHRASE };
  await within(credentials.gateway_url, key, '50110');
  step('from here, which is none of its servers, the key is refused');
  await fromReal('from 203.0.113.7 and 2001:db8::7 it passes, from 203.0.114.1 and loopback it does not', key,
    { '203.0.113.7': '0', '2001:db8::7': '0', '203.0.114.1': '50110', '127.0.0.1': '50110', '::1': '50110' });
  await holder.follow("Open the key's page");
  step('the key names the app, and no address', (await holder.says('Trade Pal'))
    && !/203\.0\.113|2001:db8/.test(await holder.page.locator('main').innerText()));
  await holder.go('/keys');
  step('so does the list', await holder.says('Trade Pal'));

  await broker.go(`${app}/ranges`);
  await broker.page.locator('textarea[name=ranges]').fill('198.51.100.0/24\n2001:db8::/32');
  await broker.press('Continue');
  await broker.approve('Submit them');
  await ann.go(overseen);
  await ann.press('Read the ranges of version 2');
  await fromReal('ranges that are only submitted change nothing', key, { '203.0.113.7': '0', '198.51.100.7': '50110' });
  step('two operators approve the ranges that replace them', await bothAgree(ann, ben, 'Propose to approve'));
  await fromReal('and within a second the key works from there, and not from where it did', key,
    { '203.0.113.7': '50110', '198.51.100.7': '0', '2001:db8::7': '0', '127.0.0.1': '50110' });

  await broker.go(`${app}/freeze`);
  step('a freeze says what it touches', await broker.says('This affects 1 key of 1 account'));
  await broker.confirm('Freeze all its keys');
  await within(credentials.gateway_url, key, '50100');
  step('the broker freezes all keys of the app');
  await fromReal('for its own servers too', key, { '198.51.100.7': '50100' });
  await holder.go(`/keys/${api_key}`);
  step('and the holder reads it', await holder.says('Trade Pal is frozen'));
  await broker.go(`${app}/thaw`);
  await broker.press('Continue');
  await broker.approve('Lift the freeze');
  await within(credentials.gateway_url, key, '50110');
  step('and lifts it with a code by mail');

  await ann.go(`/operations/apps/${id}/demand`);
  await ann.page.locator('input[name=why]').fill('drill');
  await ann.confirm('Demand successors');
  step('an operator demands successors', await ann.says('Successors are demanded'));
  await holder.go(`/keys/${api_key}`);
  await holder.follow('Rotate this key');
  step('and the page of the key leads to one', (await holder.heading()) === 'Rotate this key');
  await broker.go(app);
  step('the broker sees how many are left', await broker.says('Not replaced yet: 1 of 1.'));
  await broker.go('/keys');
  browser.verdict(36);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}

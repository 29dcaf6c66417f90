import { startSandbox } from '/work/main/dev/browser/sandbox.mjs';
import { Person, openBrowser } from '/work/main/dev/browser/person.mjs';
const s = await startSandbox(); const b = await openBrowser(); const page = await (await b.newContext()).newPage();
const p = new Person(page, s.credentials, 'n@keyward.example');
await p.go('/register'); await p.fill('E-mail address', p.email); await p.fill('Password', p.password); await p.press('Continue');
console.log(page.url(), await page.locator('main').innerText());
await new Promise(r=>setTimeout(r,1500));
console.log(await (await fetch(s.credentials.mail_url + '.json')).text());
await b.close(); await s.stop();

'use strict';

// Insert the text of emails only as text. The HTML of an email is shown in a frame without scripts and without an origin.

const find = (id) => document.getElementById(id);
const views = ['html', 'text', 'source'];
const wide = matchMedia('(min-width: 721px)');
let mails = [];
let seen = '';
let shown = null;
let view = 'html';

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function time(date) {
  const at = new Date(date);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? at.toLocaleTimeString() : at.toLocaleString();
}

function say(text) {
  find('status').textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { find('status').textContent = ''; }, 2500);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say('Copied');
  } catch {
    say('Your browser does not allow copying here');
  }
}

function chosen() {
  const id = location.hash.slice(1);
  return mails.find((mail) => mail.id === id);
}

function list() {
  const focused = document.activeElement?.closest?.('nav a')?.hash;
  const current = chosen();
  find('list').replaceChildren(...mails.map((mail) => {
    const link = element('a', { href: `#${mail.id}` },
      element('span', { className: 'subject' }, mail.subject),
      element('span', { className: 'row' },
        element('span', {}, mail.to),
        element('time', { dateTime: mail.date }, time(mail.date))));
    if (mail === current) link.setAttribute('aria-current', 'true');
    return link;
  }));
  if (focused) [...find('list').children].find((link) => link.hash === focused)?.focus();
  find('clear').hidden = mails.length === 0;
  find('none').hidden = mails.length > 0 && (!wide.matches || Boolean(current));
  find('none').textContent = mails.length > 0
    ? 'Select an email.'
    : 'No email yet. Sign up or request a password reset, and the email appears here.';
}

function secret(label, shownAs, text) {
  const button = element('button', { type: 'button' }, `Copy ${label}`);
  button.addEventListener('click', () => copy(text));
  return element('div', { className: 'secret' }, shownAs, button);
}

async function open() {
  const mail = chosen();
  document.querySelector('main').classList.toggle('is-open', Boolean(mail));
  find('mail').hidden = !mail;
  list();
  if (!mail) { shown = null; return; }
  if (shown?.id !== mail.id) {
    const answer = await fetch(`mailbox/api/${mail.id}`);
    if (!answer.ok || chosen()?.id !== mail.id) return;
    shown = await answer.json();
    find('subject').textContent = shown.subject;
    find('to').textContent = shown.to;
    find('date').textContent = new Date(shown.date).toLocaleString();
    const secrets = [];
    if (shown.code) secrets.push(secret('code', element('code', {}, shown.code), shown.code));
    if (shown.link) {
      const isWeb = /^https?:/.test(shown.link);
      const link = element('a', isWeb ? { href: shown.link, target: '_blank', rel: 'noopener noreferrer' } : {}, shown.link);
      secrets.push(secret('link', link, shown.link));
    }
    find('secrets').replaceChildren(...secrets);
    show();
  }
}

function show() {
  for (const name of views) {
    const tab = find(`tab-${name}`);
    tab.setAttribute('aria-selected', String(name === view));
    tab.tabIndex = name === view ? 0 : -1;
  }
  find('view').setAttribute('aria-labelledby', `tab-${view}`);
  if (!shown) return;
  if (view === 'html') {
    const frame = element('iframe', { title: `Email: ${shown.subject}`, referrerPolicy: 'no-referrer' });
    frame.setAttribute('sandbox', 'allow-popups allow-popups-to-escape-sandbox');
    frame.src = `mailbox/mails/${shown.id}`;
    find('view').replaceChildren(frame);
  } else {
    find('view').replaceChildren(element('pre', { tabIndex: 0 }, shown[view]));
  }
}

async function look() {
  try {
    const answer = await fetch('mailbox/api');
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    if (text !== seen) {
      const isFirst = seen === '';
      seen = text;
      const known = new Set(mails.map((mail) => mail.id));
      mails = JSON.parse(text);
      const fresh = mails.filter((mail) => !known.has(mail.id));
      if (!isFirst && fresh.length > 0) say(`New email: ${fresh[0].subject}`);
      // on a wide screen, show the newest email beside the list
      if (wide.matches && !chosen() && mails.length > 0) history.replaceState(null, '', `#${mails[0].id}`);
      await open();
    }
  } catch {
    say('The server is not responding');
  }
  setTimeout(look, 2000);
}

for (const name of views) {
  find(`tab-${name}`).addEventListener('click', () => { view = name; show(); });
}
find('views').addEventListener('keydown', (event) => {
  const step = { ArrowLeft: views.length - 1, ArrowRight: 1 }[event.key];
  if (!step) return;
  view = views[(views.indexOf(view) + step) % views.length];
  show();
  find(`tab-${view}`).focus();
});
find('list').addEventListener('keydown', (event) => {
  const step = { ArrowUp: 'previousElementSibling', ArrowDown: 'nextElementSibling' }[event.key];
  const next = step && event.target.closest('a')?.[step];
  if (next) { event.preventDefault(); next.focus(); }
});
find('back').addEventListener('click', () => { location.hash = ''; });
find('clear').addEventListener('click', async () => {
  await fetch('mailbox/api', { method: 'DELETE' });
  location.hash = '';
  find('list').replaceChildren();
  mails = [];
  await open();
});
addEventListener('hashchange', open);
wide.addEventListener('change', list);
look();

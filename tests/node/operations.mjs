// A user who runs the playground's tabs one after the other without typing: the playground's own code fills in values
// from responses and mails. Prints the operations that succeeded.
// Usage: node operations.mjs URL STAFF PASSWORD [NAME…]
//
// URL is a server in development mode with a fake Google. STAFF is a superuser's address. NAMEs are root fields, by
// default all of them.
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { BEGINNING, fill, learn, learnMails, learnReturn } from '../../playground/graphiql/known.js';
import { ceremonyOf } from '../../playground/graphiql/passkeys.js';
import { codes } from '../../playground/graphiql/second_factors.js';
import { Authenticator } from './authenticator.mjs';

const [url, staffEmail, staffPassword, ...names] = process.argv.slice(2);
const folder = new URL('../../playground/operations/', import.meta.url);
const read = (name) => readFileSync(new URL(name, folder), 'utf8');

const files = readdirSync(folder);
const all = files.filter((file) => file.endsWith('.graphql')).sort().map((file) => {
  const query = read(file);
  const name = file.slice(4, -'.graphql'.length);
  const [{ operation, variableDefinitions }] = parse(query).definitions;
  const template = file.replace('.graphql', '.json');
  const hasDefaults = variableDefinitions.every((variable) => variable.defaultValue);
  const variables = hasDefaults && !files.includes(template) ? '{}' : read(template);
  return { name, query, variables, isStaff: file.startsWith('8'), isSubscription: operation === 'subscription' };
});

let known = { ...BEGINNING, here: `${url}/` };
const person = { email: known.email, password: known.password };
const staff = { email: staffEmail, password: staffPassword };
let visits = 0;
const authenticator = new Authenticator('http://localhost');

/** Where to get values that are not known yet. */
const SOURCES = {
  refreshToken: () => run('login'),
  otherSessionId: () => run('login'),
  otherUserId: () => run('users'),
  providerCode: () => run('startProviderLogin'),
  identityId: () => run('linkIdentity'),
  code: readMails,
  loginToken: readMails,
  resetToken: readMails,
  activationToken: readMails,
  reauthenticationId: () => run('startReauthentication'),
  reauthenticationCode: readMails,
  enrolmentId: () => run('startTotpEnrolment'),
  secondFactorChallengeId: () => run('login'),
  undoToken: readMails,
  loginCeremonyId: () => run('startPasskeyLogin'),
  signupCeremonyId: () => run('startPasskeySignup'),
  enrolmentCeremonyId: () => run('startPasskeyEnrolment'),
  loginPasskey: () => run('startPasskeyLogin'),
  signupPasskey: () => run('startPasskeySignup'),
  enrolmentPasskey: () => run('startPasskeyEnrolment'),
  passkeyId: () => run('finishPasskeyEnrolment'),
};

async function run(name) {
  const { query, variables: template, isStaff, isSubscription } = all.find((operation) => operation.name === name);
  await become(isStaff ? staff : person, name);
  if (isSubscription) return firstEvent(name, query, JSON.parse(await filled(template)));
  const variables = JSON.parse(await filled(template));
  const { data, errors } = await send(query, variables);
  if (errors?.[0].extensions.code === 'UNAUTHENTICATED') {
    await run('login');
    return run(name);
  }
  if (errors) throw new Error(`${name}: ${JSON.stringify(errors)}`);
  const outcome = data[name];
  if (outcome?.code === 'REAUTHENTICATION_REQUIRED') {
    known = learn(known, variables, data);
    await run('startReauthentication');
    await run('reauthenticate');
    return run(name);
  }
  if (outcome?.retryAfter) {
    await sleep(outcome.retryAfter * 1000);
    return run(name);
  }
  if (outcome === null || outcome.__typename === 'UserError') throw new Error(`${name}: ${JSON.stringify(outcome)}`);
  known = learn(known, variables, data);
  known = { ...known, ...await codes(known, Date.now()) };
  const ceremony = ceremonyOf(name, outcome);
  if (ceremony) known[ceremony.name] = ceremony.isNew ? authenticator.create(ceremony.options) : authenticator.get(ceremony.options);
  for (const who of [person, staff]) if (who.email === known.email) who.password = known.password;
  if (outcome.authorizationUrl) await allow(outcome.authorizationUrl);
}

/** Signs in as the user that an operation needs, if another is signed in: one of Google's users, for example. */
async function become(who, name) {
  if (who.email === known.email || ['login', 'startProviderLogin', 'providerLogin', 'googleLogin'].includes(name)) return;
  known = { ...known, ...who };
  await run('login');
}

async function filled(template) {
  let text = fill(template, known);
  for (const [, name] of text.matchAll(/"<(\w+)>"/g)) {
    await SOURCES[name]?.(name);
    text = fill(template, known);
    if (text.includes(`"<${name}>"`)) throw new Error(`no source for <${name}>`);
  }
  return text;
}

async function send(query, variables) {
  const headers = { 'content-type': 'application/json' };
  if (known.accessToken) headers.authorization = `Bearer ${known.accessToken}`;
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return response.json();
}

/** Triggers the first event: a login in another session. The confirmation of a link has already happened. */
async function firstEvent(name, query, variables) {
  if (!known.accessToken) await run('login');
  const { accessToken } = known;
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${accessToken}` },
  });
  const isOfSessions = name === 'sessionEvents';
  const trying = isOfSessions && setInterval(() => run('login'), 1000);
  let events = 0;
  for await (const { data, errors } of client.iterate({ query, variables })) {
    if (errors) throw new Error(JSON.stringify(errors));
    events += 1;
    if (isOfSessions && data.sessionEvents.kind === 'SESSION_STARTED') break;
  }
  if (!events) throw new Error(`${name} sent nothing`);
  clearInterval(trying);
  await client.dispose();
}

/** Waits for the mail with this value, which arrives a moment after the response. */
async function readMails(name) {
  for (let look = 0; look < 100 && !(name in known); look++) {
    await sleep(100);
    known = learnMails(known, await (await fetch(`${url}/mailbox/api`)).json());
  }
}

/** Uses another of Google's users each time. */
async function allow(authorizationUrl) {
  const { origin, pathname, searchParams } = new URL(authorizationUrl);
  searchParams.set('person', visits++);
  const answer = await fetch(origin + pathname, { method: 'POST', body: searchParams, redirect: 'manual' });
  known = learnReturn(known, new URL(answer.headers.get('location')));
}

for (const { name } of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
  await run(name);
  console.log(name);
}

import { useCallback, useEffect, useId, useState } from 'react';
import type { UserFragment } from '../../client';
import { secondFactors } from '../../client/second_factors';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { staffUsersDocument, type StaffUsersQuery, type StaffUsersQueryVariables } from '../generated';
import { useLoad, useSettled } from '../hooks';
import { Failed, Page } from '../Page';
import { dateAndTime, impossible, NEWER } from '../words';

type Person = NonNullable<StaffUsersQuery['users']>['nodes'][number];

const SIZE = 20;
const FIRST: StaffUsersQueryVariables = { first: SIZE };

/** The minimum length of a search, which matches the beginning of names and email addresses. */
const SHORTEST = 2;

const factors = secondFactors(gatehouse);

export function Users({ viewer }: { viewer: UserFragment }) {
  const [typed, setTyped] = useState('');
  const settled = useSettled(typed.trim());
  const search = settled.length >= SHORTEST ? settled : '';
  const [place, setPlace] = useState(FIRST);
  const load = useCallback(
    () => gatehouse.run(staffUsersDocument, { ...place, filter: search ? { search } : null }),
    [place, search],
  );
  const { data, fault, reload } = useLoad(load);
  useEffect(() => setPlace(FIRST), [search]);

  if (fault) return <Failed fault={fault} retry={reload} />;
  const { nodes = [], pageInfo, totalCount = 0 } = data?.users ?? {};
  return (
    <Page title="Users">
      <SearchField value={typed} onChange={setTyped} />
      <p role="status" className="hint">{data && `${totalCount} ${totalCount === 1 ? 'user' : 'users'}${search && ` with a name, username or email address that starts with “${search}”`}`}</p>
      <Table people={nodes} viewer={viewer} onReset={reload} />
      <div className="pager">
        <button type="button" className="plain" disabled={!pageInfo?.hasPreviousPage} onClick={() => setPlace({ last: SIZE, before: pageInfo?.startCursor })}>
          Newer
        </button>
        <button type="button" className="plain" disabled={!pageInfo?.hasNextPage} onClick={() => setPlace({ first: SIZE, after: pageInfo?.endCursor })}>
          Older
        </button>
      </div>
    </Page>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Search</label>
      <input id={id} type="search" value={value} onChange={({ target }) => onChange(target.value)} aria-describedby={`${id}-hint`} />
      <p className="hint" id={`${id}-hint`}>The beginning of a name, username or email address</p>
    </div>
  );
}

type TableProps = { people: Person[]; viewer: UserFragment; onReset: () => void };

function Table({ people, viewer, onReset }: TableProps) {
  // only superusers may see second factors
  const isSuperuser = viewer.role === 'SUPERUSER';
  return (
    <table>
      <caption className="unseen">Users, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Email or username</th>
          <th scope="col">Role</th>
          <th scope="col">Last sign-in</th>
          {isSuperuser && <th scope="col">Second factor</th>}
        </tr>
      </thead>
      <tbody>
        {people.map((person) => (
          <tr key={person.id}>
            <th scope="row">
              {person.name ?? person.username ?? '—'}
              {!person.isActive && <span className="tag">deactivated</span>}
            </th>
            <td>{person.email ?? person.username}</td>
            <td>{person.role.toLowerCase()}</td>
            <td>{person.lastLoginAt ? dateAndTime(person.lastLoginAt) : 'never'}</td>
            {isSuperuser && <td>{person.secondFactors.length > 0 && <Factors person={person} viewer={viewer} onReset={onReset} />}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The second factors of a user, and the form to reset them. The form is not shown for the viewer's own account. */
function Factors({ person, viewer, onReset }: { person: Person; viewer: UserFragment; onReset: () => void }) {
  const form = useForm(async () => {
    const outcome = await factors.resetSecondFactors(person.id);
    switch (outcome.kind) {
      case 'User':
        return onReset();
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  const names = namesOf(person);
  if (person.id === viewer.id) return names;
  return (
    <details>
      <summary>{names}</summary>
      <Form form={form} action="Reset">
        <p className="hint">Reset the second factors only if you are sure that this person asked you to.</p>
      </Form>
    </details>
  );
}

function namesOf({ secondFactors }: Person) {
  const names = [secondFactors.includes('PASSKEY') && 'passkey', secondFactors.includes('TOTP') && 'authenticator app'];
  return names.filter(Boolean).join(' and ');
}

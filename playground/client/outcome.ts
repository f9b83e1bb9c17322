import { ErrorCode, type UserErrorFragment } from './generated';

/** An expected refusal. A `code` that is newer than this client is `unknown`; its `message` is still for people. */
export type UserError = Omit<UserErrorFragment, 'code'> & { code: ErrorCode | 'unknown' };

/** A member that is newer than this client. */
export type Unknown = { kind: 'unknown' };

/**
 * What an operation comes to: one of the union's members, told apart by `kind`. All are known to the compiler, so a
 * `switch` that ends in `const never: never = outcome` does not compile until it has a case for each.
 */
export type Outcome<Member extends { kind: string }> = Exclude<Member, UserErrorFragment> | ErrorOf<Member> | Unknown;

type ErrorOf<Member> = Extract<Member, UserErrorFragment> extends never ? never : UserError;

const codes: readonly string[] = Object.values(ErrorCode);

/**
 * Makes an outcome of a union's member. Each known member was asked for its `kind: __typename`, so one that has none is
 * unknown. For an app's own operations too, if they ask like that.
 */
export function outcome<Member extends { kind: string }>(member: Member): Outcome<Member> {
  const { kind, code } = member as { kind?: string; code?: string };
  if (!kind) return { kind: 'unknown' };
  const isNew = kind === 'UserError' && !codes.includes(code as string);
  return (isNew ? { ...member, code: 'unknown' } : member) as Outcome<Member>;
}

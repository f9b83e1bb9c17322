import { ErrorCode, type UserErrorFragment } from './generated';

/** An expected refusal. A `code` that is newer than this client is `unknown`; the `message` can still be shown. */
export type UserError = Omit<UserErrorFragment, 'code'> & { code: ErrorCode | 'unknown' };

/** A member of a union that is newer than this client. */
export type Unknown = { kind: 'unknown' };

/**
 * The outcome of an operation: a member of the union, identified by `kind`. The compiler knows all members, so a `switch` that ends in
 * `default: outcome satisfies never` compiles only if it has a case for each.
 */
export type Outcome<Member extends { kind: string }> = Exclude<Member, UserErrorFragment> | ErrorOf<Member> | Unknown;

type ErrorOf<Member> = Extract<Member, UserErrorFragment> extends never ? never : UserError;

const codes: readonly string[] = Object.values(ErrorCode);

/**
 * Converts a member of a union to an outcome. The documents request `kind: __typename` of each known member, so a member without it is
 * unknown. This function also works for an app's own operations if they request `kind` in the same way.
 */
export function outcome<Member extends { kind: string }>(member: Member): Outcome<Member> {
  const { kind, code } = member as { kind?: string; code?: string };
  if (!kind) return { kind: 'unknown' };
  const isNew = kind === 'UserError' && !codes.includes(code as string);
  return (isNew ? { ...member, code: 'unknown' } : member) as Outcome<Member>;
}

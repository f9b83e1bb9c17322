/**
 * An operation that knows its result and its variables: those of this client, and those that graphql-codegen makes of an
 * app's own (`documentMode: 'string'`).
 */
export type Document<Result, Variables> = {
  toString(): string;
  /** For the compiler alone. */
  __apiType?: (variables: Variables) => Result;
};

/** The variables of an operation, which may be left out where it needs none. */
export type VariablesOf<Variables> = Record<never, never> extends Variables ? [variables?: Variables] : [variables: Variables];

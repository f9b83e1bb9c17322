import { useRef, useState, type FormEvent } from 'react';
import type { UserError } from '../../client';
import { wordsFor, wordsForFault } from '../words';

/** What a form was told: of the whole, and of single fields by their names. */
export type Verdict = { fault?: string | undefined; done?: string | undefined; fields: Record<string, string> };

const NOTHING: Verdict = { fields: {} };

/** What the inputs of a form hold, by their names. */
export type Inputs = Record<string, string>;

/**
 * A form that runs `submit` once at a time and shows what became of it: a refusal, or a text to say it is done. Whatever is
 * thrown is told too, so that no page has to.
 */
export function useForm(submit: (inputs: Inputs) => Promise<UserError | string | void>) {
  const [verdict, setVerdict] = useState(NOTHING);
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  async function onSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isBusy) return;
    const inputs = Object.fromEntries(new FormData(event.currentTarget)) as Inputs;
    setBusy(true);
    setVerdict(NOTHING);
    const next = await submit(inputs).then(toVerdict, (fault: unknown) => ({ ...NOTHING, fault: wordsForFault(fault) }));
    setVerdict(next);
    setBusy(false);
    const [first] = Object.keys(next.fields);
    // once it is marked as invalid
    if (first) setTimeout(() => form.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus());
  }

  return { props: { ref: form, onSubmit, noValidate: true }, verdict, isBusy };
}

function toVerdict(outcome: UserError | string | void): Verdict {
  if (!outcome) return NOTHING;
  if (typeof outcome === 'string') return { ...NOTHING, done: outcome };
  const fields = Object.fromEntries(outcome.fields.map(({ field, message }) => [field, message]));
  return { fields, fault: outcome.fields.length ? undefined : wordsFor(outcome) };
}

import { useRef, useState, type FormEvent } from 'react';
import type { UserError } from '../../client';
import { leadToEnrolment } from '../account/enrolment';
import { wordsFor, wordsForFault } from '../words';

/** The outcome of a form: a message for the whole form, and errors by field name. */
export type Verdict = { fault?: string | undefined; done?: string | undefined; fields: Record<string, string> };

const NOTHING: Verdict = { fields: {} };

/** What a form shows: a refusal, a fault in words, or a success message. */
type Submitted = UserError | { fault: string } | string | void;

/** The values of the inputs of a form, by name. */
export type Inputs = Record<string, string>;

/**
 * Returns a form that runs `submit`, never twice at the same time, and shows its outcome: a refusal or a success message. The form also
 * shows errors that `submit` throws, so that pages need not handle them.
 */
export function useForm(submit: (inputs: Inputs) => Promise<Submitted>) {
  const [verdict, setVerdict] = useState(NOTHING);
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  async function onSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isBusy) return;
    await show(submit(Object.fromEntries(new FormData(event.currentTarget)) as Inputs));
  }

  /** Shows the outcome of work that was not started by submitting the form. */
  async function show(work: Promise<Submitted>) {
    setBusy(true);
    setVerdict(NOTHING);
    const next = await work.then(toVerdict, (fault: unknown) => {
      leadToEnrolment(fault);
      return { ...NOTHING, fault: wordsForFault(fault) };
    });
    setVerdict(next);
    setBusy(false);
    const [first] = Object.keys(next.fields);
    // after the input is marked as invalid
    if (first) setTimeout(() => form.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus());
  }

  return { props: { ref: form, onSubmit, noValidate: true }, show, verdict, isBusy };
}

function toVerdict(outcome: Submitted): Verdict {
  if (!outcome) return NOTHING;
  if (typeof outcome === 'string') return { ...NOTHING, done: outcome };
  if ('fault' in outcome) return { ...NOTHING, ...outcome };
  leadToEnrolment(outcome);
  const fields = Object.fromEntries(outcome.fields.map(({ field, message }) => [field, message]));
  return { fields, fault: outcome.fields.length ? undefined : wordsFor(outcome) };
}

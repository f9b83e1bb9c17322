import { createContext, useContext, type ReactNode } from 'react';
import type { useForm, Verdict } from './useForm';

const VerdictContext = createContext<Verdict>({ fields: {} });

/** Returns the error of a field. */
export const useFault = (name: string) => useContext(VerdictContext).fields[name];

/** A form with its fields, its outcome and its button. */
export function Form({ form, action, children }: { form: ReturnType<typeof useForm>; action: string; children: ReactNode }) {
  return (
    <form {...form.props}>
      <VerdictContext value={form.verdict}>{children}</VerdictContext>
      <Notice {...form.verdict} />
      <button type="submit" aria-disabled={form.isBusy || undefined}>{action}</button>
    </form>
  );
}

/** The outcome of a form. Screen readers announce it as soon as it appears. */
export function Notice({ fault, done }: Omit<Verdict, 'fields'>) {
  return (
    <div role="status">
      {fault && <p className="notice bad">{fault}</p>}
      {done && <p className="notice good">{done}</p>}
    </div>
  );
}

import { createContext, useContext, type ReactNode } from 'react';
import type { useForm, Verdict } from './useForm';

const VerdictContext = createContext<Verdict>({ fields: {} });

/** What was said of one field. */
export const useFault = (name: string) => useContext(VerdictContext).fields[name];

/** A form with its fields, what became of it, and its button. */
export function Form({ form, action, children }: { form: ReturnType<typeof useForm>; action: string; children: ReactNode }) {
  return (
    <form {...form.props}>
      <VerdictContext value={form.verdict}>{children}</VerdictContext>
      <Notice {...form.verdict} />
      <button type="submit" aria-disabled={form.isBusy || undefined}>{action}</button>
    </form>
  );
}

/** Read out as soon as there is something in it. */
export function Notice({ fault, done }: Omit<Verdict, 'fields'>) {
  return (
    <div role="status">
      {fault && <p className="notice bad">{fault}</p>}
      {done && <p className="notice good">{done}</p>}
    </div>
  );
}

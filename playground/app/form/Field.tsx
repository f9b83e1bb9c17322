import { useId, useState, type InputHTMLAttributes, type ReactNode } from 'react';
import { useFault } from './Form';

type FieldProps = InputHTMLAttributes<HTMLInputElement> & {
  name: string;
  label: string;
  /** Help text below the input. */
  hint?: ReactNode;
};

/** An input with its label, hint and error. */
export function Field({ label, hint, ...input }: FieldProps) {
  const id = useId();
  const fault = useFault(input.name);
  const described = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-invalid={fault ? true : undefined} aria-describedby={described || undefined} {...input} />
      {hint && <div className="hint" id={`${id}-hint`}>{hint}</div>}
      {fault && <p className="fault" id={`${id}-fault`}>{fault}</p>}
    </div>
  );
}

/** An input for a password. It can show the password, so that users need not type it twice. */
export function PasswordField(props: Omit<FieldProps, 'type'>) {
  const [isShown, setShown] = useState(false);
  return (
    <>
      <Field {...props} type={isShown ? 'text' : 'password'} autoCapitalize="none" spellCheck={false} />
      <label className="check">
        <input type="checkbox" checked={isShown} onChange={({ target }) => setShown(target.checked)} />
        Show password
      </label>
    </>
  );
}

/** An input for a code, emailed or from an authenticator app. */
export function CodeField(props: Pick<FieldProps, 'label' | 'hint'>) {
  return <Field {...props} name="otp" className="code" inputMode="numeric" autoComplete="one-time-code" />;
}

/** An input for a recovery code. */
export function RecoveryCodeField(props: Pick<FieldProps, 'hint'>) {
  return <Field {...props} name="recoveryCode" label="Recovery code" autoComplete="off" autoCapitalize="none" spellCheck={false} />;
}

/** An input for several lines of text. */
export function TextField({ name, label, defaultValue }: { name: string; label: string; defaultValue: string }) {
  const id = useId();
  const fault = useFault(name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} name={name} rows={3} defaultValue={defaultValue} aria-invalid={fault ? true : undefined} aria-describedby={fault && `${id}-fault`} />
      {fault && <p className="fault" id={`${id}-fault`}>{fault}</p>}
    </div>
  );
}

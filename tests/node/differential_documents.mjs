// Generates random GraphQL documents and variables for `differential.mjs`, both valid and invalid.
import { readFileSync } from 'node:fs';
import {
  buildSchema, getNamedType, getNullableType, isCompositeType, isEnumType, isInputObjectType, isListType, isNonNullType,
  isObjectType, isRequiredArgument, isRequiredInputField,
} from 'graphql';

export const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));

/** Returns a generator of numbers from 0 to 1, the same for the same seed (mulberry32). */
export function numbers(from) {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Root fields for which a response is recorded, and mutations that fail with any arguments.
const ROOTS = {
  query: ['authSettings', 'dashboard', 'me', 'user', 'usernameAvailable', 'users', 'viewer'],
  mutation: [
    'activateAccount', 'googleLogin', 'login', 'postToDashboard', 'reauthenticate', 'refresh', 'resetPassword',
    'revertSecurityChange', 'updateProfile', 'verifyOtp',
  ],
};
const ARGUMENTS_LEFT_OUT = { users: ['after', 'last', 'before', 'filter'] };
// The result of a profile update depends on its arguments, so only whether it runs is compared.
const VERDICT_ALONE = ['updateProfile'];

const TEXTS = ['"x"', '""', '"é \\n \\" \\\\ \\u0041"', '"\\ud83d\\ude00"', '"\\u{1F600}"', '"""a\n  "block"\n"""', '"😀"'];

/** Generates a document, its variables and the name of its operation. */
export class Maker {
  constructor(random, isSpoiled, ids) {
    this.random = random;
    this.ids = ids;
    this.left = isSpoiled ? 1 + this.upTo(2) : 0;
    this.spoils = [];
    this.variables = [];
    this.given = {};
    this.fragments = [];
    this.names = 0;
  }

  upTo(most) { return Math.floor(this.random() * most); }

  chance(probability) { return this.random() < probability; }

  pick(list) { return list[this.upTo(list.length)]; }

  /** Decides whether to make the document invalid here, in this way. */
  spoil(way, probability = 0.08) {
    if (this.left === 0 || !this.chance(probability)) return false;
    this.left -= 1;
    this.spoils.push(way);
    return true;
  }

  name(letter) {
    this.names += 1;
    return `${letter}${this.names}`;
  }

  make() {
    const kind = this.chance(0.75) ? 'query' : 'mutation';
    this.kind = kind;
    const root = kind === 'query' ? schema.getQueryType() : schema.getMutationType();
    const some = kind === 'query' ? 1 + this.upTo(3) : 1;
    const fields = Array.from({ length: some }, () => root.getFields()[this.pick(ROOTS[kind])]);
    this.isLoose = fields.some(({ name }) => VERDICT_ALONE.includes(name));
    let body = fields.map((field) => this.field(field, 0)).join(' ');
    if (this.chance(0.1)) body += ' __typename';
    if (this.chance(0.1)) body = `... on ${root.name} { ${body} }`;
    if (kind === 'query' && this.chance(0.1)) body += ` ...${this.fragment(root, `{ authSettings { otpLength } }`)}`;
    if (this.spoil('undefined variable')) body += ' x1: usernameAvailable(username: $nowhere) { __typename }';
    if (this.spoil('conflicting aliases')) body += ' x2: __typename x2: authSettings { otpLength }';
    if (this.spoil('unknown fragment')) body += ' ...Nowhere';
    if (this.spoil('fragment on a scalar')) body += ' ... on String { length }';
    if (this.spoil('fragment that cannot be')) body += ' ... on Session { id }';
    if (this.spoil('circle of fragments')) {
      const name = this.name('F');
      this.fragments.push(`fragment ${name} on ${root.name} { __typename ...${name} }`);
      body += ` ...${name}`;
    }
    if (this.spoil('unused fragment')) this.fragments.push(`fragment ${this.name('F')} on Query { __typename }`);
    if (this.spoil('unused variable')) this.variables.push('$unused: Int');
    if (this.spoil('unknown type')) this.variables.push('$unknown: Nope');
    if (this.spoil('variable of an output type')) this.variables.push('$output: User');
    const name = this.chance(0.7) ? this.name('Op') : '';
    const variables = this.variables.length > 0 ? `(${this.variables.join(', ')})` : '';
    const directive = this.spoil('misplaced directive') ? '@skip(if: true)' : '';
    const parts = [`${kind} ${name}${variables} ${directive} { ${body} }`, ...this.fragments];
    let operationName = name && this.chance(0.5) ? name : undefined;
    if (this.chance(0.05) && name) {
      parts.push('query Other { __typename }');
      if (!this.spoil('operation not named', 0.5)) operationName = name;
    }
    if (this.spoil('unknown operation')) operationName = 'Nowhere';
    if (this.spoil('several operations without a name')) parts.push('{ __typename }');
    if (this.spoil('two operations of one name') && name) parts.push(`query ${name} { __typename }`);
    if (this.spoil('a type among them')) parts.push('type T { x: Int }');
    if (this.chance(0.1)) this.given.more = 1;
    let query = parts.sort(() => this.random() - 0.5).join(this.pick(['\n', ' ', '\r\n', ' # words\n', ',,']));
    if (this.spoil('syntax')) query = query.replace('{', this.pick(['{{', '', '{ }', '{ $', '(']));
    const variablesGiven = Object.keys(this.given).length > 0 || this.chance(0.2) ? this.given : undefined;
    return { query, variables: variablesGiven, operationName };
  }

  fragment(type, body) {
    const name = this.name('F');
    this.fragments.push(`fragment ${name} on ${type.name} ${body}`);
    return name;
  }

  selection(type, depth) {
    const items = [];
    const isObject = isObjectType(type);
    const fields = isObject ? Object.values(type.getFields()) : [];
    const near = depth < 5 ? fields : fields.filter((field) => !isCompositeType(getNamedType(field.type)));
    for (let left = 1 + this.upTo(4); left > 0; left -= 1) {
      const of = isObject ? type : this.pick(schema.getPossibleTypes(type));
      if (this.chance(0.1)) {
        items.push(this.chance(0.5) ? '__typename' : `${this.name('t')}: __typename`);
      } else if (depth < 6 && (!isObject || this.chance(0.1))) {
        const directive = this.chance(0.2) ? this.directive() : '';
        const condition = isObject && this.chance(0.3) ? '' : `on ${of.name}`;
        items.push(`... ${condition} ${directive} ${this.selection(of, depth + 1)}`);
      } else if (depth < 6 && this.chance(0.08)) {
        items.push(`...${this.fragment(of, this.selection(of, depth + 1))}`);
      } else {
        items.push(near.length > 0 ? this.field(this.pick(near), depth) : '__typename');
      }
    }
    if (this.spoil('unknown field')) items.push('nope');
    return `{ ${items.join(this.pick([' ', ', ', '\n']))} }`;
  }

  field(field, depth) {
    const alias = this.chance(0.25) || field.args.length > 0 ? `${this.name('a')}: ` : '';
    const args = field.args
      .filter(({ name }) => !ARGUMENTS_LEFT_OUT[field.name]?.includes(name))
      .filter((arg) => (isRequiredArgument(arg) ? !this.spoil('missing argument') : this.chance(0.5)))
      .map((arg) => `${arg.name}: ${this.value(arg.type, arg.defaultValue !== undefined, field.name)}`);
    if (this.spoil('unknown argument', 0.04)) args.push('nope: 1');
    if (args.length > 0 && this.spoil('argument twice')) args.push(args[0]);
    let directives = this.chance(0.1) ? this.directive() : '';
    if (this.spoil('unknown directive', 0.04)) directives += ' @nope';
    if (this.spoil('directive twice', 0.04)) directives += ' @skip(if: false) @skip(if: false)';
    const type = getNamedType(field.type);
    let selection = isCompositeType(type) ? this.selection(type, depth + 1) : '';
    if (selection && this.spoil('no selection', 0.04)) selection = '';
    else if (!selection && this.spoil('selection of a leaf', 0.04)) selection = '{ id }';
    return `${alias}${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''} ${directives} ${selection}`;
  }

  directive() {
    const name = this.pick(['skip', 'include']);
    if (this.spoil('directive without its argument')) return `@${name}`;
    return `@${name}(if: ${this.value(schema.getDirective(name).args[0].type, false)})`;
  }

  /** Generates a value in the document, or a variable in its place. */
  value(type, hasDefault, of, within = 0) {
    if (this.chance(0.3)) return this.variable(type, hasDefault, of);
    if (isNonNullType(type)) {
      return this.spoil('null for what is not') ? 'null' : this.literal(type.ofType, of, within);
    }
    return this.chance(0.1) ? 'null' : this.literal(type, of, within);
  }

  literal(type, of, within) {
    if (isListType(type)) {
      if (this.chance(0.2)) return this.value(type.ofType, false, of, within);
      return `[${Array.from({ length: this.upTo(3) }, () => this.value(type.ofType, false, of, within)).join(' ')}]`;
    }
    if (isInputObjectType(type)) return this.object(type, of, within);
    if (this.spoil('value of another type')) {
      return this.pick(['1', '1.5', '"x"', 'true', 'NOPE', '[[1]]', '{ nope: 1 }', '"STAFF"', '2147483648', '"\\ud83d"']);
    }
    if (isEnumType(type)) return this.pick(type.getValues()).name;
    switch (type.name) {
      case 'Int': return of === 'users' ? String(1 + this.upTo(3)) : this.pick(['0', '-1', '7', '2147483647']);
      case 'Float': return this.pick(['0', '1.5', '-1e3']);
      case 'Boolean': return this.pick(['true', 'false']);
      case 'ID': return this.pick([...this.ids.map((id) => `"${id}"`), '12', '"x"', '12345678901234567890']);
      default: return this.pick(TEXTS);
    }
  }

  object(type, of, within) {
    const fields = Object.values(type.getFields());
    const value = (field, isNullable = true) => {
      const shown = isNullable ? field.type : getNullableType(field.type);
      return `${field.name}: ${this.value(shown, field.defaultValue !== undefined, of, within + 1)}`;
    };
    let chosen;
    if (type.isOneOf) {
      if (this.spoil('none of one')) return '{}';
      const field = this.pick(fields);
      if (this.spoil('two of one')) return `{ ${fields.slice(0, 2).map((each) => value(each)).join(', ')} }`;
      if (this.spoil('null of one')) return `{ ${field.name}: null }`;
      if (this.spoil('nullable variable of one')) return `{ ${field.name}: ${this.variable(field.type, false, of, true)} }`;
      chosen = [`${field.name}: ${this.literal(getNullableType(field.type), of, within + 1)}`];
    } else {
      chosen = fields
        .filter((field) => (isRequiredInputField(field) ? !this.spoil('missing input field') : within < 3 && this.chance(0.4)))
        .map((field) => value(field));
    }
    if (this.spoil('unknown input field')) chosen.push('nope: 1');
    if (chosen.length > 0 && this.spoil('input field twice')) chosen.push(chosen[0]);
    return `{ ${chosen.join(', ')} }`;
  }

  variable(type, hasDefault, of, asItIs = false) {
    const name = this.name('v');
    let declared = type;
    let shown = String(type);
    if (!asItIs) {
      if (isNonNullType(type) && (hasDefault ? this.chance(0.5) : this.spoil('nullable variable'))) {
        declared = type.ofType;
        shown = String(declared);
      } else if (!isNonNullType(type) && this.chance(0.3)) {
        shown = `${type}!`;
      } else if (this.spoil('variable of another type')) {
        shown = this.pick(['Int', 'String!', 'Boolean', '[String!]!', 'ID']);
      }
    }
    const isRequired = shown.endsWith('!');
    let fallback = '';
    if (this.chance(0.3)) {
      const held = this.variables.length;
      const text = this.literal(getNullableType(declared), of, 2);
      // a default value cannot contain variables, so those of this literal are removed again
      fallback = text.includes('$') ? '' : ` = ${text}`;
      if (text.includes('$')) this.variables.length = held;
    }
    this.variables.push(`$${name}: ${shown}${fallback}`);
    const mayMiss = !isRequired || fallback !== '';
    if (mayMiss ? this.chance(0.3) : this.spoil('missing variable')) return `$${name}`;
    if (isRequired ? this.spoil('null for a variable that is not') : this.chance(0.1)) this.given[name] = null;
    else this.given[name] = this.json(getNullableType(declared), of, 0);
    return `$${name}`;
  }

  json(type, of, within) {
    if (isNonNullType(type)) return this.spoil('null within a variable') ? null : this.json(type.ofType, of, within);
    if (isListType(type)) {
      if (this.chance(0.2)) return this.json(type.ofType, of, within);
      return Array.from({ length: this.upTo(3) }, () => this.json(type.ofType, of, within));
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      const entry = (field) => [field.name, this.json(field.type, of, within + 1)];
      if (type.isOneOf) {
        if (this.spoil('a variable with none of one')) return {};
        if (this.spoil('a variable with two of one')) return Object.fromEntries(fields.slice(0, 2).map(entry));
        return Object.fromEntries([entry(this.pick(fields))]);
      }
      const object = Object.fromEntries(fields
        .filter((field) => (isRequiredInputField(field) ? !this.spoil('a variable without a field') : within < 3 && this.chance(0.4)))
        .map((field) => (!isNonNullType(field.type) && this.chance(0.1) ? [field.name, null] : entry(field))));
      if (this.spoil('a variable with an unknown field')) object.nope = 1;
      return object;
    }
    if (this.spoil('a variable of another type')) return this.pick([1, 1.5, 'x', true, ['x'], { nope: 1 }, 2147483648]);
    if (isEnumType(type)) return this.pick(type.getValues()).name;
    switch (type.name) {
      case 'Int': return of === 'users' ? 1 + this.upTo(3) : this.pick([0, -1, 7, 2147483647]);
      case 'Float': return this.pick([0, 1.5, -1000]);
      case 'Boolean': return this.chance(0.5);
      case 'ID': return this.pick([...this.ids, 12, 'x']);
      default: return this.pick(['x', '', 'é 😀']);
    }
  }
}

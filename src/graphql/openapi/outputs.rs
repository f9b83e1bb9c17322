//! The schemas of the data in responses.

use std::collections::BTreeMap;

use apollo_compiler::{
    ExecutableDocument, Name, Schema,
    ast::{DirectiveList, Type},
    executable::{Operation, Selection, SelectionSet},
    schema::{ExtendedType, FieldDefinition},
};
use serde_json::{Map, Value as Json, json};

use super::components::{Components, capitalized, described, nullable, scalar};

/// The writer of the schemas of an operation's data.
pub(super) struct Outputs<'s> {
    pub(super) schema: &'s Schema,
    pub(super) document: &'s ExecutableDocument,
    pub(super) components: &'s mut Components,
}

/// A selection of a field's subfields, and whether the selection is unconditional: no `@skip` or `@include` applies to it.
type Set<'d> = (&'d SelectionSet, bool);

/// All selections that share a response key.
struct Selected<'d> {
    definition: &'d FieldDefinition,
    sets: Vec<Set<'d>>,
    /// Whether the field is always in the object: at least one of the selections is unconditional.
    is_certain: bool,
}

impl<'s> Outputs<'s> {
    /// Returns the schema of an operation's data.
    pub(super) fn data(mut self, operation: &'s Operation, title: &str) -> Json {
        let set = &operation.selection_set;
        let schema = self.object(&[(set, true)], &set.ty, title);
        self.components.add(&format!("{title}Data"), schema)
    }

    fn ty(&mut self, ty: &Type, sets: &[Set<'s>], path: &str) -> Json {
        match ty {
            Type::NonNullNamed(name) => self.named(name, sets, path),
            Type::Named(name) => nullable(self.named(name, sets, path)),
            Type::NonNullList(item) => json!({ "type": "array", "items": self.ty(item, sets, path) }),
            Type::List(item) => nullable(json!({ "type": "array", "items": self.ty(item, sets, path) })),
        }
    }

    fn named(&mut self, name: &Name, sets: &[Set<'s>], path: &str) -> Json {
        match self.schema.types.get(name) {
            Some(ExtendedType::Object(_)) => self.member(name, sets, path),
            Some(ExtendedType::Union(union)) => {
                let members: Vec<_> = union.members.iter().map(|member| member.name.clone()).collect();
                self.one_of(name, &members, sets, path)
            }
            Some(ExtendedType::Interface(_)) => {
                let implementers = self.schema.implementers_map();
                let mut members: Vec<_> =
                    implementers.get(name).into_iter().flat_map(|all| all.objects.iter().cloned()).collect();
                members.sort();
                self.one_of(name, &members, sets, path)
            }
            Some(ExtendedType::Enum(values)) => {
                let all: Vec<_> = values.values.keys().map(Name::as_str).collect();
                // not `enum`, because a generated client would fail on a value that is added later
                let schema = json!({ "type": "string", "x-extensible-enum": all });
                described(schema, values.description.as_deref())
            }
            _ => scalar(name),
        }
    }

    fn one_of(&mut self, name: &Name, members: &[Name], sets: &[Set<'s>], path: &str) -> Json {
        let fragment = match sets {
            [(set, _)] => self.only_fragment(set, name).map(capitalized),
            _ => None,
        };
        let path = fragment.as_deref().unwrap_or(path);
        let schemas: Vec<_> =
            members.iter().map(|member| self.member(member, sets, &format!("{path}{member}"))).collect();
        let references = members.iter().zip(&schemas);
        let mapping: Map<_, _> =
            references.map(|(name, schema)| (name.to_string(), schema["$ref"].clone())).collect();
        json!({ "oneOf": schemas, "discriminator": { "propertyName": "__typename", "mapping": mapping } })
    }

    /// Returns a reference to the schema of an object.
    fn member(&mut self, name: &Name, sets: &[Set<'s>], path: &str) -> Json {
        // named after the fragment, because the app's authors chose its name and other operations may use the same fragment
        let fragment = match sets {
            [(set, _)] => self.only_fragment(set, name).map(capitalized),
            _ => None,
        };
        let title = fragment.as_deref().unwrap_or(path);
        let schema = self.object(sets, name, title);
        self.components.add(title, schema)
    }

    fn object(&mut self, sets: &[Set<'s>], ty: &Name, path: &str) -> Json {
        let mut fields = BTreeMap::new();
        for (set, is_certain) in sets {
            // if there is one selection, the object exists only because of it
            self.collect(set, ty, *is_certain || sets.len() == 1, &mut fields);
        }
        let mut properties = Map::new();
        for (name, field) in &fields {
            let schema = if field.definition.name == "__typename" {
                json!({ "type": "string", "const": ty.as_str() })
            } else {
                let schema =
                    self.ty(&field.definition.ty, &field.sets, &format!("{path}{}", capitalized(name)));
                described(schema, field.definition.description.as_deref())
            };
            properties.insert((*name).to_owned(), schema);
        }
        let required: Vec<_> =
            fields.iter().filter(|(_, field)| field.is_certain).map(|(name, _)| *name).collect();
        json!({ "type": "object", "properties": properties, "required": required })
    }

    /// Collects the fields that an object of type `ty` has in a selection (`CollectFields`, GraphQL §6.3.2).
    fn collect(
        &self,
        set: &'s SelectionSet,
        ty: &Name,
        is_certain: bool,
        fields: &mut BTreeMap<&'s str, Selected<'s>>,
    ) {
        for selection in &set.selections {
            let is_certain = is_certain && is_unconditional(selection.directives());
            match selection {
                Selection::Field(field) => {
                    let selected = fields.entry(field.response_key().as_str()).or_insert_with(|| Selected {
                        definition: &field.definition,
                        sets: Vec::new(),
                        is_certain: false,
                    });
                    selected.sets.push((&field.selection_set, is_certain));
                    selected.is_certain |= is_certain;
                }
                Selection::InlineFragment(inline) => {
                    if self.applies(inline.type_condition.as_ref(), ty) {
                        self.collect(&inline.selection_set, ty, is_certain, fields);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.fragment_name)
                        && self.applies(Some(fragment.type_condition()), ty)
                    {
                        self.collect(&fragment.selection_set, ty, is_certain, fields);
                    }
                }
            }
        }
    }

    fn applies(&self, condition: Option<&Name>, ty: &Name) -> bool {
        condition.is_none_or(|condition| condition == ty || self.schema.is_subtype(condition, ty))
    }

    /// Returns the name of the fragment on `ty`, if the selection has nothing else for this type.
    fn only_fragment(&self, set: &'s SelectionSet, ty: &Name) -> Option<&'s str> {
        let mut only = None;
        for selection in &set.selections {
            let inside = match selection {
                Selection::Field(field) if field.response_key() == "__typename" => continue,
                Selection::Field(_) => return None,
                Selection::InlineFragment(inline) if !self.applies(inline.type_condition.as_ref(), ty) => {
                    continue;
                }
                Selection::InlineFragment(inline) => self.only_fragment(&inline.selection_set, ty)?,
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name)?;
                    match fragment.type_condition() {
                        condition if condition == ty => fragment.name.as_str(),
                        condition if !self.applies(Some(condition), ty) => continue,
                        _ => self.only_fragment(&fragment.selection_set, ty)?,
                    }
                }
            };
            if !is_unconditional(selection.directives()) || only.replace(inside).is_some() {
                return None;
            }
        }
        only
    }
}

fn is_unconditional(directives: &DirectiveList) -> bool {
    !directives.has("skip") && !directives.has("include")
}

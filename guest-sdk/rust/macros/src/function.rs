//! What both attributes check in the function they stand on, and the name it gets.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::{Error, FnArg, ItemFn, LitStr, Result, ReturnType, Type, meta, parse2};

pub(crate) struct Function {
    pub(crate) item: ItemFn,
    /// What the host knows it by.
    pub(crate) name: String,
}

impl Function {
    /// `kind` is the attribute's name, with its article, for messages.
    pub(crate) fn parse(kind: &str, attribute: TokenStream, item: TokenStream) -> Result<Self> {
        let given = parse_name(attribute)?;
        let item: ItemFn = parse2(item).map_err(|error| Error::new(error.span(), format!("{kind} is a function")))?;
        if let Some(parameter) = item.sig.generics.params.first() {
            return Err(Error::new_spanned(
                parameter,
                format!("{kind} has no type parameters: the host calls it with JSON"),
            ));
        }
        if matches!(item.sig.output, ReturnType::Default) {
            return Err(Error::new_spanned(
                &item.sig.ident,
                format!("{kind} returns a `Result`; `Result<()>` if there is nothing to say"),
            ));
        }
        let name = given.unwrap_or_else(|| upper_camel_case(&item.sig.ident.to_string()));
        Ok(Self { item, name })
    }

    /// The types of its arguments.
    pub(crate) fn arguments(&self) -> Result<Vec<&Type>> {
        let inputs = self.item.sig.inputs.iter();
        let typed = inputs.map(|argument| match argument {
            FnArg::Typed(typed) => Ok(&*typed.ty),
            receiver => Err(Error::new_spanned(receiver, "only free functions can be exported, not methods")),
        });
        typed.collect()
    }

    /// An error that points to the arguments, or to the name where there are none.
    pub(crate) fn wrong_arguments(&self, message: &str) -> Error {
        let sig = &self.item.sig;
        if sig.inputs.is_empty() {
            Error::new_spanned(&sig.ident, message)
        } else {
            Error::new_spanned(&sig.inputs, message)
        }
    }

    /// The function as it was, and beside it a type of the same name that implements `entry`, so that `module!` and `use`
    /// reach both with one path.
    pub(crate) fn with_entry(&self, entry: &TokenStream, body: &TokenStream) -> TokenStream {
        let Self { item, name } = self;
        let (vis, ident) = (&item.vis, &item.sig.ident);
        quote! {
            #item

            #[doc(hidden)]
            #[allow(non_camel_case_types)]
            #vis struct #ident {}

            impl ::dacapo::__private::#entry for #ident {
                const NAME: &'static str = #name;
                #body
            }
        }
    }
}

/// Whether a type is written as `name`, with or without a path before it.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

fn parse_name(attribute: TokenStream) -> Result<Option<String>> {
    let mut name = None;
    let parser = meta::parser(|meta| {
        if !meta.path.is_ident("name") {
            return Err(meta.error("the only setting is `name = \"...\"`"));
        }
        let text: LitStr = meta.value()?.parse()?;
        if text.value().trim().is_empty() {
            return Err(Error::new_spanned(text, "the name is empty"));
        }
        name = Some(text.value());
        Ok(())
    });
    parser.parse2(attribute)?;
    Ok(name)
}

/// `hello_cities` → `HelloCities`.
fn upper_camel_case(snake: &str) -> String {
    let capitalized = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect::<String>())
    };
    snake.trim_start_matches("r#").split('_').map(capitalized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_upper_camel_case_unless_given() {
        assert_eq!(upper_camel_case("hello_cities"), "HelloCities");
        assert_eq!(upper_camel_case("_step_2b"), "Step2b");
        assert_eq!(upper_camel_case("r#final"), "Final");
        assert_eq!(parse_name(quote!(name = "X")).unwrap().as_deref(), Some("X"));
        assert_eq!(parse_name(quote!()).unwrap(), None);
        assert!(parse_name(quote!(name = "")).is_err());
        assert!(parse_name(quote!(title = "X")).unwrap_err().to_string().contains("the only setting"));
    }
}

//! `#[activity]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Result};

use crate::function::{Function, is_named};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function = Function::parse("an activity", attribute, item)?;
    let sig = &function.item.sig;
    if let Some(asyncness) = &sig.asyncness {
        return Err(Error::new_spanned(asyncness, "an activity is a plain `fn`: it runs by itself and may block"));
    }
    let ident = &sig.ident;
    let is_context = |ty| is_named(ty, "ActivityContext");
    let acted = match function.arguments()?.as_slice() {
        [] => quote!(act(Self::NAME, |_| #ident())),
        [ctx] if is_context(ctx) => quote!(act(Self::NAME, #ident)),
        [input] => quote!(act_with_input::<#input, _, _, _>(Self::NAME, input, |_, input| #ident(input))),
        [ctx, input] if is_context(ctx) => quote!(act_with_input::<#input, _, _, _>(Self::NAME, input, #ident)),
        _ => {
            let wanted =
                "an activity takes `()`, `(input: T)`, `(ctx: ActivityContext)` or `(ctx: ActivityContext, input: T)`";
            return Err(function.wrong_arguments(wanted));
        }
    };
    Ok(function.with_entry(
        &quote!(Activity),
        &quote! {
            #[allow(unused_variables)] // Where the activity takes no input.
            fn run(input: &str) -> ::dacapo::__private::Outcome {
                ::dacapo::__private::#acted
            }
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shapes_are_accepted() {
        for arguments in
            [quote!(), quote!(n: u32), quote!(ctx: ActivityContext), quote!(ctx: dacapo::ActivityContext, n: u32)]
        {
            let expanded = expand(quote!(), quote!(fn do_it(#arguments) -> Result<()> { Ok(()) })).unwrap().to_string();
            assert!(expanded.contains("\"DoIt\""), "{expanded}");
        }
    }

    #[test]
    fn others_are_told_what_is_wanted() {
        let refused = |item| expand(TokenStream::new(), item).unwrap_err().to_string();
        assert!(
            refused(quote!(
                async fn f() -> Result<()> {
                    Ok(())
                }
            ))
            .contains("plain `fn`")
        );
        assert!(
            refused(quote!(
                fn f() {}
            ))
            .contains("returns a `Result`")
        );
        assert!(
            refused(quote!(
                fn f(a: u32, b: u32) -> Result<()> {
                    Ok(())
                }
            ))
            .contains("takes `()`")
        );
    }
}

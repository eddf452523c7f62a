//! `#[orchestrator]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Result};

use crate::function::{Function, is_named};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function = Function::parse("an orchestrator", attribute, item)?;
    let sig = &function.item.sig;
    if sig.asyncness.is_none() {
        return Err(Error::new_spanned(sig.fn_token, "an orchestrator is an `async fn`: it waits with `.await`"));
    }
    let ident = &sig.ident;
    let played = match function.arguments()?.as_slice() {
        [ctx] if is_named(ctx, "Context") => quote!(play(Self::NAME, #ident)),
        [ctx, input] if is_named(ctx, "Context") => quote!(play_with_input::<#input, _, _, _, _>(Self::NAME, #ident)),
        _ => {
            return Err(
                function.wrong_arguments("an orchestrator takes `(ctx: Context)` or `(ctx: Context, input: T)`")
            );
        }
    };
    Ok(function.with_entry(
        &quote!(Orchestrator),
        &quote! {
            fn run() -> ::dacapo::__private::Outcome {
                ::dacapo::__private::#played
            }
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(item: TokenStream) -> String {
        expand(TokenStream::new(), item).unwrap_err().to_string()
    }

    #[test]
    fn both_shapes_are_accepted() {
        let plain = expand(
            quote!(),
            quote!(
                async fn a_flow(ctx: Context) -> Result<()> {
                    Ok(())
                }
            ),
        )
        .unwrap()
        .to_string();
        assert!(plain.contains("\"AFlow\""), "{plain}");
        let with_input = quote!(
            async fn a_flow(ctx: dacapo::Context, n: Option<u32>) -> Result<()> {
                Ok(())
            }
        );
        let named = expand(quote!(name = "B"), with_input).unwrap().to_string();
        assert!(named.contains("\"B\"") && named.contains("Option < u32 >"), "{named}");
    }

    #[test]
    fn others_are_told_what_is_wanted() {
        assert!(
            refused(quote!(
                fn f(ctx: Context) -> Result<()> {
                    Ok(())
                }
            ))
            .contains("`async fn`")
        );
        assert!(
            refused(quote!(
                async fn f(ctx: Context) {}
            ))
            .contains("returns a `Result`")
        );
        assert!(
            refused(quote!(
                async fn f<T>(ctx: Context) -> Result<T> {
                    todo!()
                }
            ))
            .contains("no type parameters")
        );
        assert!(
            refused(quote!(
                struct F;
            ))
            .contains("is a function")
        );
        for arguments in [quote!(), quote!(input: u32), quote!(ctx: &Context), quote!(ctx: Context, a: u32, b: u32)] {
            assert!(
                refused(quote!(async fn f(#arguments) -> Result<()> { Ok(()) })).contains("takes `(ctx: Context)`")
            );
        }
        assert!(
            refused(quote!(
                async fn f(&self) -> Result<()> {
                    Ok(())
                }
            ))
            .contains("not methods")
        );
    }
}

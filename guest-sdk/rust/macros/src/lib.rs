//! The attributes of the crate `dacapo`, which re-exports them; use them from there.

mod activity;
mod function;
mod orchestrator;

use proc_macro::TokenStream;

/// Makes an `async fn` an orchestrator, for `dacapo::module!` to export.
///
/// It is registered under its name in UpperCamelCase, or under the one given: `#[orchestrator(name = "HelloCities")]`.
/// Its arguments are `(ctx: Context)` or `(ctx: Context, input: T)`; it returns a `Result` of something serde can write.
/// The function itself stays as it is, and can be called by others.
#[proc_macro_attribute]
pub fn orchestrator(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(orchestrator::expand(attribute.into(), item.into()))
}

/// Makes a `fn` an activity, for `dacapo::module!` to export.
///
/// It is registered under its name in UpperCamelCase, or under the one given: `#[activity(name = "SayHello")]`.
/// Its arguments are `()`, `(input: T)`, `(ctx: ActivityContext)` or `(ctx: ActivityContext, input: T)`; it returns a
/// `Result` of something serde can write. The function itself stays as it is, and can be called by others.
#[proc_macro_attribute]
pub fn activity(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(activity::expand(attribute.into(), item.into()))
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

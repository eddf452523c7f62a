//! What `wit-bindgen` makes of `wit/dacapo.wit`; public only because [`module!`](crate::module) expands to it.
#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, clippy::unwrap_used)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "module",
    pub_export_macro: true,
    default_bindings_module: "::dacapo::bindings",
    runtime_path: "::dacapo::__private::wit_bindgen::rt",
});

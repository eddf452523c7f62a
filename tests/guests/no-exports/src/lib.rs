//! A component that has nothing to do with Dacapo.

wit_bindgen::generate!({ path: "wit", world: "unrelated" });

struct Unrelated;

impl Guest for Unrelated {
    fn greet() -> String {
        "hello".to_owned()
    }
}

export!(Unrelated);

//! The page is cut into parts after it is linked (`.ci/bin/wasm-bindgen`): for that the linker
//! has to say what refers to what.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo:rustc-link-arg-bins=--emit-relocs");
    }
}

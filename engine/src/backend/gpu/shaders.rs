//! Every kernel's text, read by the compiler's own parser, against what this side
//! takes it to be: its bindings and its parameters.

use super::kernels::{Kernel, MOST_BINDINGS, PARAMS_BYTES};
use wgpu::naga::{AddressSpace, Module, ScalarKind, StorageAccess, TypeInner, front::wgsl};

fn module(kernel: Kernel) -> Module {
    let name = kernel.name();
    wgsl::parse_str(kernel.wgsl()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Names and spaces by binding number.
fn bindings(module: &Module) -> Vec<(String, AddressSpace)> {
    let mut bound: Vec<_> = module
        .global_variables
        .iter()
        .filter_map(|(_, v)| {
            let at = v.binding.as_ref()?;
            assert_eq!(at.group, 0);
            Some((at.binding, (v.name.clone().unwrap(), v.space)))
        })
        .collect();
    bound.sort_by_key(|(at, _)| *at);
    for (expected, (found, _)) in (0..).zip(&bound) {
        assert_eq!(*found, expected, "bindings have no gaps and no doubles");
    }
    bound.into_iter().map(|(_, v)| v).collect()
}

#[test]
fn bindings_are_the_parameters_then_what_is_read_then_what_is_written() {
    for kernel in Kernel::ALL {
        let name = kernel.name();
        let (inputs, outputs) = kernel.bindings();
        let bound = bindings(&module(*kernel));
        assert_eq!(bound.len(), 1 + inputs + outputs, "{name}");
        assert!(inputs + outputs <= MOST_BINDINGS, "{name}");
        assert_eq!(bound[0], ("p".into(), AddressSpace::Uniform), "{name}");
        for (i, (variable, space)) in bound[1..].iter().enumerate() {
            let AddressSpace::Storage { access } = space else {
                panic!("{name}: {variable} is not storage");
            };
            let written = access.contains(StorageAccess::STORE);
            assert_eq!(written, i >= inputs, "{name}: {variable}");
        }
    }
}

#[test]
fn parameters_are_words_that_begin_with_the_list_and_the_grid() {
    for kernel in Kernel::ALL {
        let (name, module) = (kernel.name(), module(*kernel));
        let params = module.types.iter().find_map(|(_, t)| match &t.inner {
            TypeInner::Struct { members, span } if t.name.as_deref() == Some("Params") => {
                Some((members, *span as usize))
            }
            _ => None,
        });
        let (members, bytes) = params.unwrap_or_else(|| panic!("{name} has no Params"));
        assert!(bytes <= PARAMS_BYTES, "{name}: {bytes} bytes");
        let names: Vec<_> = members.iter().map(|m| m.name.as_deref().unwrap()).collect();
        assert_eq!(names[..2], ["list", "across"], "{name}");
        for (i, member) in members.iter().enumerate() {
            assert_eq!(member.offset as usize, 4 * i, "{name}: {}", names[i]);
            let TypeInner::Scalar(scalar) = &module.types[member.ty].inner else {
                panic!("{name}: {} is not a word", names[i]);
            };
            let expected = match names[i] {
                "scale" | "epsilon" => ScalarKind::Float,
                _ => ScalarKind::Uint,
            };
            assert_eq!(scalar.kind, expected, "{name}: {}", names[i]);
        }
    }
}

#[test]
fn headers_name_a_twin_that_there_is() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backend");
    for kernel in Kernel::ALL {
        let name = kernel.name();
        let twins = kernel.wgsl().split("CPU twin: ").skip(1);
        let twins: Vec<_> = twins
            .filter_map(|text| Some((text.split(',').next()?, text.split('`').nth(1)?)))
            .collect();
        assert!(!twins.is_empty(), "{name} names no twin");
        for (file, function) in twins {
            let text = std::fs::read_to_string(folder.join(file));
            let text = text.unwrap_or_else(|e| panic!("{name}: {file}: {e}"));
            let has = text.contains(&format!("fn {function}("));
            assert!(has, "{name}: {file} has no function {function}");
        }
    }
}

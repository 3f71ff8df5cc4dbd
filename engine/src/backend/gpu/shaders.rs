//! Every kernel's text, read by the compiler's own parser, against what this side
//! takes it to be: its bindings, its parameters, its constants and its twin.

use super::calls::{Edit, Field, Head, PARAMS_BYTES};
use super::kernels::Kernel;
use super::{Operation, attention, elements, products};
use crate::backend::Rule;
use crate::rows::OWN_ROW;
use patchbay_kernels::Activation;
use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use wgpu::naga::{
    AddressSpace, Expression, Literal, Module, Scalar, StorageAccess, TypeInner, front::wgsl,
};

fn module(kernel: Kernel) -> Module {
    let name = kernel.name();
    wgsl::parse_str(kernel.wgsl()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Names and spaces by binding number.
fn bindings(module: &Module) -> Vec<(&str, AddressSpace)> {
    let mut bound: Vec<_> = module
        .global_variables
        .iter()
        .filter_map(|(_, v)| {
            let at = v.binding.as_ref()?;
            assert_eq!(at.group, 0);
            Some((at.binding, (v.name.as_deref().unwrap(), v.space)))
        })
        .collect();
    bound.sort_by_key(|(at, _)| *at);
    for (expected, (found, _)) in (0..).zip(&bound) {
        assert_eq!(*found, expected, "bindings have no gaps and no doubles");
    }
    bound.into_iter().map(|(_, v)| v).collect()
}

#[test]
fn bindings_have_the_names_and_the_order_of_the_call() {
    const READ: AddressSpace = AddressSpace::Storage {
        access: StorageAccess::LOAD,
    };
    const WRITTEN: AddressSpace = AddressSpace::Storage {
        access: StorageAccess::LOAD.union(StorageAccess::STORE),
    };
    for kernel in Kernel::ALL {
        let names = kernel.names();
        let read = names.read.iter().map(|name| (*name, READ));
        let written = names.written.iter().map(|name| (*name, WRITTEN));
        let expected: Vec<_> = [("p", AddressSpace::Uniform)]
            .into_iter()
            .chain(read)
            .chain(written)
            .collect();
        assert_eq!(bindings(&module(*kernel)), expected, "{}", kernel.name());
    }
}

/// Name, type and offset.
type FoundField<'a> = (&'a str, &'static str, usize);

/// A struct's fields, and its size.
fn fields<'a>(module: &'a Module, name: &str) -> Option<(Vec<FoundField<'a>>, usize)> {
    let is = |ty: &&wgpu::naga::Type| ty.name.as_deref() == Some(name);
    let ty = module.types.iter().map(|(_, ty)| ty).find(is)?;
    let TypeInner::Struct { members, span } = &ty.inner else {
        return None;
    };
    let fields = members.iter().map(|m| {
        let word = match &module.types[m.ty].inner {
            TypeInner::Scalar(Scalar::U32) => "u32",
            TypeInner::Scalar(Scalar::F32) => "f32",
            other => panic!("{name}.{:?} is {other:?}", m.name),
        };
        (m.name.as_deref().unwrap(), word, m.offset as usize)
    });
    Some((fields.collect(), *span as usize))
}

#[test]
fn parameters_have_the_names_types_and_places_of_the_call() {
    for kernel in Kernel::ALL {
        let (name, module) = (kernel.name(), module(*kernel));
        let after = |(field, word, at): &Field| (*field, *word, size_of::<Head>() + at);
        let params = kernel.names().params.iter().map(after);
        let expected: Vec<_> = Head::FIELDS.iter().copied().chain(params).collect();
        let (found, bytes) = fields(&module, "Params").unwrap_or_else(|| panic!("{name}"));
        assert_eq!(found, expected, "{name}");
        assert_eq!(bytes, 4 * expected.len(), "{name}");
        assert!(bytes <= PARAMS_BYTES, "{name}: {bytes} bytes");
    }
}

#[test]
fn edits_are_read_as_they_are_written() {
    let module = module(Kernel::Edit);
    let (found, bytes) = fields(&module, "Edit").unwrap();
    assert_eq!(found, Edit::FIELDS);
    assert_eq!(bytes, size_of::<Edit>());
    assert_eq!(constants(&module)["EDIT_WORDS"] as usize, bytes / 4);
    // Its fields are set word by word, in order.
    let words = Edit::FIELDS.iter().enumerate().map(|(i, (_, word, _))| {
        let at = if i == 0 {
            "at".into()
        } else {
            format!("at + {i}u")
        };
        match *word {
            "f32" => format!("bitcast<f32>(edits[{at}])"),
            _ => format!("edits[{at}]"),
        }
    });
    let squeezed: String = Kernel::Edit.wgsl().split_whitespace().collect();
    let expected: String = words.map(|word| word.replace(' ', "") + ",").collect();
    assert!(squeezed.contains(&format!("returnEdit({expected});")));
}

/// The constants that are numbers.
fn constants(module: &Module) -> BTreeMap<&str, u32> {
    let constants = module.constants.iter().filter_map(|(_, constant)| {
        let Expression::Literal(Literal::U32(value)) = module.global_expressions[constant.init]
        else {
            return None;
        };
        Some((constant.name.as_deref()?, value))
    });
    constants.collect()
}

#[test]
fn constants_are_those_of_this_side() {
    for kernel in Kernel::ALL {
        let module = module(*kernel);
        let constants = constants(&module);
        let elements = match kernel {
            Kernel::Mix | Kernel::MixBack => attention::ELEMENTS,
            _ => elements::ELEMENTS,
        };
        let activations = Activation::ALL
            .iter()
            .map(|a| (format!("{a:?}"), *a as u32));
        let endings = [("NOTHING", products::NOTHING), ("ADD", products::ADD)];
        let sizes = [
            ("ELEMENTS", u32::try_from(elements).unwrap()),
            ("OWN_ROW", OWN_ROW),
            ("RELP", Rule::Relp as u32),
            ("COLUMNS", products::COLUMNS),
            ("TOKENS", products::COLUMNS),
            ("TALL", products::TILE[0]),
            ("WIDE", products::TILE[1]),
        ];
        for (name, value) in endings.into_iter().chain(sizes) {
            let found = constants.get(name);
            assert!(
                found.is_none_or(|v| *v == value),
                "{}: {name}",
                kernel.name()
            );
        }
        if !kernel.wgsl().contains("fn activation(") {
            continue;
        }
        for (name, value) in activations {
            let name = screaming(&name);
            assert_eq!(constants.get(&*name), Some(&value), "{name}");
            // Of the function, and where they are there, of its slope and share.
            let functions = ["activation", "slope", "share"];
            let functions = functions.map(|f| kernel.wgsl().matches(&format!("fn {f}(")).count());
            let case = format!("case {name}");
            let cases = kernel.wgsl().split(&case).skip(1);
            let cases = cases.filter(|rest| rest.starts_with([':', ','])).count();
            assert_eq!(cases, functions.iter().sum::<usize>(), "{name}");
        }
    }
}

/// `GeluNew` as `GELU_NEW`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.char_indices() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backend")
}

/// The shader files of a folder of the GPU's.
fn shaders(folder: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(sources().join("gpu").join(folder)).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|e| e == "wgsl"));
    let read = |file: PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (name, read_to_string(file).unwrap())
    };
    files.map(read).collect()
}

/// The function that a header says to be its twin.
fn twin<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    let is_head = |line: &&str| line.starts_with("//");
    let end = text
        .lines()
        .take_while(is_head)
        .map(|line| line.len() + 1)
        .sum();
    let mut twins = text[..end].split("CPU twin: `").skip(1);
    let twin = twins.next()?.split('`').next();
    assert_eq!(twins.next(), None, "{name} names two twins");
    twin
}

/// Whether there is a function of that path: `cpu::rows::gather` of a module,
/// `cpu::Cpu::columns` and `Backend::attend` of a type or trait, or one of the crate
/// `patchbay_kernels`, with its module where that is another than the first.
fn exists(path: &str) -> bool {
    let mut steps: Vec<_> = path.split("::").collect();
    let function = format!("fn {}", steps.pop().unwrap());
    let owner = steps.pop_if(|step| step.starts_with(char::is_uppercase));
    let file = match steps[..] {
        [] => "mod.rs".into(),
        ["patchbay_kernels"] => "../../kernels/src/lib.rs".into(),
        ["patchbay_kernels", file] => format!("../../kernels/src/{file}.rs"),
        [folder] => format!("{folder}/mod.rs"),
        [folder, file] => format!("{folder}/{file}.rs"),
        _ => return false,
    };
    let Ok(text) = read_to_string(sources().join(file)) else {
        return false;
    };
    // What is in an owner's braces is indented, and what is a module's is not.
    let (inside, indent) = match owner {
        None => (Some(&*text), ""),
        Some(owner) => {
            let heads = [
                format!("trait {owner}"),
                format!("impl Backend for {owner} "),
                format!("impl {owner} "),
            ];
            let rest = heads.iter().find_map(|head| text.split_once(&**head));
            (
                rest.map(|(_, rest)| rest.split("\n}").next().unwrap()),
                "    ",
            )
        }
    };
    let begins = |line: &str| {
        let line = line.strip_prefix(indent).unwrap_or_default();
        let bare = ["pub(super) ", "pub "]
            .iter()
            .find_map(|visible| line.strip_prefix(visible));
        let rest = bare.unwrap_or(line).strip_prefix(&*function);
        rest.is_some_and(|rest| rest.starts_with(['(', '<']))
    };
    inside.is_some_and(|text| text.lines().any(begins))
}

#[test]
fn headers_name_a_twin_that_there_is() {
    for (name, text) in shaders("") {
        let twin = twin(&name, &text).unwrap_or_else(|| panic!("{name} names no twin"));
        assert!(exists(twin), "{name}: there is no function {twin}");
    }
    for (name, text) in shaders("shared") {
        let twin = twin(&name, &text);
        assert!(
            twin.is_none_or(exists),
            "shared/{name}: there is no function {twin:?}"
        );
    }
    for made_up in [
        "cpu::rows::gathers",
        "cpu::row::gather",
        "Backend::mixed",
        "cpu::gather",
    ] {
        assert!(!exists(made_up), "{made_up}");
    }
}

#[test]
fn an_operation_has_one_name() {
    let trait_text = read_to_string(sources().join("mod.rs")).unwrap();
    let folder = std::fs::read_dir(sources().join("gpu")).unwrap();
    let files = folder.map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|e| e == "rs"));
    let gpu: String = files.map(|file| read_to_string(file).unwrap()).collect();
    for operation in Operation::ALL {
        assert!(exists(&format!("Backend::{operation}")), "{operation}");
        assert!(trait_text.contains(&format!("    fn {operation}(")));
    }
    for kernel in Kernel::ALL {
        let (name, operation) = (kernel.name(), kernel.operation());
        let twin = twin(name, kernel.wgsl()).unwrap();
        assert_eq!(twin.rsplit("::").next(), Some(operation.name()), "{name}");
        // A view costs the GPU nothing either until it is read.
        if operation != Operation::Columns {
            assert!(
                gpu.contains(&format!("pub(super) fn {operation}(")),
                "{name}"
            );
        }
    }
}

#[test]
fn every_shader_file_is_part_of_a_kernel() {
    let all: String = Kernel::ALL.iter().map(|kernel| kernel.wgsl()).collect();
    for (name, text) in shaders("").into_iter().chain(shaders("shared")) {
        assert!(all.contains(&text), "{name} is nobody's");
    }
}

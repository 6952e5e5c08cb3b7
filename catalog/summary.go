package catalog

import "slices"

// A Summary describes a list or a bundle without its entries.
type Summary struct {
	Name        string
	Title       string
	Generation  string
	Generations []string // all of this name, oldest first
	Lists       []string // of a bundle, its lists with their generations; nil for a list
	Sources     []string // its documents
	Date        string   // of the newest document
	Endpoints   int      // lines, of all clouds and regions; of a bundle, those of its lists
	Disabled    int      // lines that no rule can express
}

// Info describes a list or bundle; name is as in Get.
func Info(name string) (Summary, error) {
	f, err := find(name)
	if err != nil {
		return Summary{}, err
	}
	s := Summary{Name: f.name, Generation: f.generation}
	for _, other := range embeddedFiles() {
		if other.name == f.name {
			s.Generations = append(s.Generations, other.generation)
		}
	}
	if f.bundle {
		err = s.addBundle(f)
	} else {
		err = s.addList(f)
	}
	return s, err
}

func (s *Summary) addList(f file) error {
	l, err := f.list()
	if err != nil {
		return err
	}
	s.Title = l.Title
	s.add(l)
	return nil
}

func (s *Summary) addBundle(f file) error {
	b, err := f.open()
	if err != nil {
		return err
	}
	s.Title = b.Title
	for _, p := range b.Parts {
		for _, name := range p.Lists {
			if slices.Contains(s.Lists, name) {
				continue
			}
			l, err := Open(name)
			if err != nil {
				return err
			}
			s.Lists = append(s.Lists, name)
			s.add(l)
		}
	}
	return nil
}

// add adds the documents of l.
func (s *Summary) add(l *List) {
	for _, d := range l.Documents {
		if !slices.Contains(s.Sources, d.Source) {
			s.Sources = append(s.Sources, d.Source)
		}
		s.Date = max(s.Date, d.Date)
		for _, e := range d.Endpoints {
			s.Endpoints++
			if e.Disabled != "" {
				s.Disabled++
			}
		}
	}
}
